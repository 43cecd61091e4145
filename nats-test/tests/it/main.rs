//! The three commands as their users see them: processes, their output, signals, and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bad_input;
mod client_ids;
mod closing;
mod durable;
mod harness;
mod lessons;
mod monitor;
mod queue_groups;
mod readme;
mod redelivery;
mod server;
mod survival;
