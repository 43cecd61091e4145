//! The store, against the real database.

mod harness;
mod relay;
mod transaction;

pub(crate) use harness::{Opened, open, ticket, update};
