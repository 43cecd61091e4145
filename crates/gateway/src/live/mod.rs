//! Live tickets: changes of tickets, and of one's own orders, as they happen.

mod change;
mod client;
mod earlier;
mod feed;
mod limits;
mod orders;
mod position;
mod question;
mod reading;
mod routes;
mod service;
mod settings;
mod sse;
mod versions;
mod websocket;

pub use service::{DECLARATION, PROGRAM};
