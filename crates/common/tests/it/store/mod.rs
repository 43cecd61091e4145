//! The store, against the real database.

mod harness;
mod relay;
mod transaction;

pub(crate) use harness::{Opened, open, outbox, ticket, update};
