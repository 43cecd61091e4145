//! Expiration: reports when the time to pay an order has run out.
//!
//! It has no database and keeps nothing: the broker keeps the schedule, one message for each order, and publishes
//! `expiration:complete` at its time, whether or not this service is running.

mod events;
mod service;

pub use service::{DECLARATION, PROGRAM};
