//! The experiments of the course's event-bus section: a server, a publisher and a listener, each one command.
//!
//! This library is what the commands have in common; each of them is a file in `bin`.

pub mod accounts;
pub mod client;
pub mod console;
pub mod json;
pub mod lesson;
pub mod monitor;
pub mod time;
