//! The listeners, one event in each file.

mod expiration_complete;
mod payment_created;
mod ticket_created;
mod ticket_updated;
