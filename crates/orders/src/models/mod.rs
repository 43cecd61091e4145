//! What this service owns, and its copy of what it sells.

mod order;
mod orders;
mod ticket;

pub(crate) use order::{Cancel, Completion, Order};
pub(crate) use orders::{AlreadyReserved, Orders};
pub(crate) use ticket::{Ticket, Tickets};
