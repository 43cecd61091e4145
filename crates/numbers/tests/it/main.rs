//! The number server and its client as processes, and the runner around them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod command_line;
mod number_server;
mod numbers;
mod reload;
mod runner;
