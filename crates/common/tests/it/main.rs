//! What services share, against the real broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bus;
mod events;
mod listener;
mod store;
mod telemetry;
