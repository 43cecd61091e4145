//! What a tree of services guarantees, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod components;
mod deadlines;
mod failures;
mod http;
mod lifecycle;
mod moved;
mod process;
mod program;
mod restart;
mod settings;
mod slot;
mod terminal;
mod together;
mod until;
mod watch;
