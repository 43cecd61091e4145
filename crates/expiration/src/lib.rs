//! Expiration: tells when the time to pay an order is over.
//!
//! It has no database and keeps nothing: the broker keeps the schedule, one message for each order, and publishes
//! `expiration:complete` at its time, whether this service lives or not.

mod config;
mod events;
mod service;

pub use config::sections;
pub use events::wiring;
pub use service::Expiration;
