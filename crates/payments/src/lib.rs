//! Payments: an order is paid once, and what was paid for a cancelled order is refunded once.
//!
//! The service owns the `payments` collection: one payment for an order, with its state. It keeps a projection of the
//! orders, fed by their events. Orders decides whether an order is complete; the [provider](Provider), Stripe or a test
//! bank, decides whether money has moved; this service makes both agree, whatever is killed in between.

mod app;
mod books;
mod charging;
mod due;
mod events;
mod models;
mod provider;
mod refunder;
mod routes;
mod service;
mod settings;
mod settler;
mod signature;
mod state;

pub use books::{Books, Finding, Kind, Listed, Summary};
pub use models::State;
pub use provider::{InvalidUrl, Provider, ProviderUrl, Refusal};
pub use service::{DECLARATION, PROGRAM};
