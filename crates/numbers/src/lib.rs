//! The number server and its client: the tutorial of `service`, complete.
//!
//! `service`'s README builds the server step by step; this crate has the finished programs and the tests that run them.
//! The server sends each connection random numbers over TCP, one per line: `nc localhost 7776` shows them.

mod client;
mod server;
mod settings;

pub use client::{Feed, NumberClient, PrintNumbers};
pub use server::NumberServer;
pub use settings::{Numbers, Source};
