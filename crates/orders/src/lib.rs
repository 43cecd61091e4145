//! Orders: who has reserved which ticket, and until when.
//!
//! The service owns the `orders` collection: at every moment there is at most one live order for a ticket. It keeps a
//! projection of the tickets, fed by their events, and is the only one to raise an order's version.

mod app;
mod events;
mod models;
mod routes;
mod service;
mod settings;
mod state;
mod sweep;

pub use service::{DECLARATION, PROGRAM};
