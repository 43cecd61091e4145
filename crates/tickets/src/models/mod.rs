//! The records that this service owns, one aggregate in each file.

mod ticket;
mod title;

#[cfg(test)]
mod tests;

pub(crate) use ticket::{CannotEdit, Release, Reserve, Ticket, Tickets};
pub(crate) use title::Title;
