//! What this service owns, and its projection of the tickets.

mod order;
mod orders;
mod ticket;

pub(crate) use order::{Completion, Order};

use order::Cancel;
pub(crate) use orders::{AlreadyReserved, Cancelled, Orders};
pub(crate) use ticket::Ticket;
