//! What a tree of services promises, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod deadlines;
mod failures;
mod http;
mod lifecycle;
mod parts;
mod process;
mod program;
mod restart;
mod settings;
mod slot;
