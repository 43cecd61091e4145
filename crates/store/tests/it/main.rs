//! The store against the real database and broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audit;
mod away;
mod harness;
mod indexes;
mod limit;
mod listener;
mod login;
mod lost_commit;
mod projection;
mod readable;
mod relay;
mod replica_set;
mod telemetry;
mod transaction;

pub(crate) use harness::{Opened, open, outbox, ticket, update};
