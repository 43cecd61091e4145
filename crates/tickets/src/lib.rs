//! Tickets: what is for sale, who sells it, and for how much.
//!
//! The service owns the `tickets` collection and is the only one to raise a ticket's version. Of orders it knows no more
//! than their ids: an order reserves a ticket by its id.

mod app;
mod events;
mod models;
mod routes;
mod service;
mod state;

pub use service::{DECLARATION, PROGRAM};
