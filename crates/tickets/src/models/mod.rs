//! What this service owns.

mod ticket;
mod tickets;
mod title;

pub use ticket::{CannotEdit, Release, Reserve, Ticket};
pub use tickets::Tickets;
pub use title::{InvalidTitle, Title};
