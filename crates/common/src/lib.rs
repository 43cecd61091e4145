//! What all services of the ticketing system share.
//!
//! The [`events`] and the ids in them; the [`bus`] they travel on; the [`store`] where an event is recorded with the
//! state it tells of, and a [`listener`]'s effect with the note that it was handled; the one contract of all HTTP
//! answers ([`errors`], [`extract`]). Knows no service.
//!
//! What must not be done does not compile: a subject with another's payload, an event recorded outside a transaction, a
//! service that publishes by itself.

pub mod bus;
pub mod config;
pub mod errors;
pub mod events;
pub mod extract;
pub mod fault;
mod ids;
pub mod listener;
mod price;
pub mod store;
pub mod telemetry;
mod told;
pub mod wiring;

pub use ids::{Id, InvalidId, Order, OrderId, Payment, PaymentId, Ticket, TicketId, User, UserId};
pub use price::{InvalidPrice, Price};
