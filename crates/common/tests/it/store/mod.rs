//! The store, against the real database.

mod audit;
mod harness;
mod relay;
mod replica_set;
mod transaction;

pub(crate) use harness::{Opened, open, outbox, ticket, update};
