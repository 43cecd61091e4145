//! Orders: who holds which ticket, and until when.
//!
//! Owns the `orders` collection: at most one live order for each ticket, at every moment. Keeps a copy of the tickets,
//! fed by their events, and is the only one to raise an order's version.

mod app;
mod config;
mod events;
mod models;
mod replay;
mod routes;
mod service;
mod sweep;

pub use config::sections;
pub use events::wiring;
pub use replay::{Replayed, replay};
pub use service::Orders;
