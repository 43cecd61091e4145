//! Tickets: what can be sold, by whom, for how much.
//!
//! Owns the `tickets` collection and is the only one to raise a ticket's version. An order holds a ticket by its id, and
//! that is all that is known of orders here.

mod app;
mod config;
mod events;
pub mod models;
mod routes;
mod service;

pub use config::sections;
pub use events::wiring;
pub use service::Tickets;
