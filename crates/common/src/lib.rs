//! What all services of the ticketing system share: the events, the bus they travel on, and the ids in them.
//!
//! Knows no service. Below [`bus::Publisher`] everything is bytes; above it a subject with a wrong payload does not
//! compile.

pub mod bus;
pub mod errors;
pub mod events;
pub mod extract;
mod ids;
mod price;
pub mod store;

pub use ids::{InvalidId, OrderId, PaymentId, TicketId, UserId};
pub use price::{InvalidPrice, Price};
