//! The store against the real database and broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audit;
mod harness;
mod listener;
mod lost_commit;
mod projection;
mod relay;
mod replica_set;
mod telemetry;
mod transaction;

pub(crate) use harness::{Opened, open, outbox, ticket, update};
