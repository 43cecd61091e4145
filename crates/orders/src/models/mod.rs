//! The records that this service owns, and its projection of the tickets, one in each file.

mod order;
mod ticket;

pub(crate) use order::{AlreadyReserved, Cancelled, Completion, Order, Orders};
pub(crate) use ticket::Ticket;
