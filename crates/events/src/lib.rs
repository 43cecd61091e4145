//! The events that services exchange, in the words of the course, and the types of their fields.
//!
//! This crate is types only: it needs no database, no broker, no HTTP and no operating system, so a program that only
//! reads events links nothing else. A subject is a constant of its event's type, and the set is closed:
//! [`Subject::ALL`] is what the stream contains.
//!
//! An event stays in the stream for years, and services of two versions run side by side. Therefore an event may get
//! optional fields, and nothing else; a larger change is another event with a subject of its own. A test compares
//! [`schemas`] with the stored contract and refuses any other change.

mod aggregate;
mod event;
mod expiration;
mod id;
mod order;
mod payment;
mod price;
mod schema;
mod subject;
mod ticket;
pub mod timestamp;

pub use aggregate::{Aggregate, AggregateRef, InvalidRecord, RecordKey};
pub use event::{Direct, Event};
pub use expiration::ExpirationComplete;
pub use id::{AnyId, Id, InvalidId, OrderId, PaymentId, TicketId, UserId, kind};
pub use order::{CancelledTicket, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket};
pub use payment::{PaymentCreated, PaymentRefunded};
pub use price::{InvalidPrice, Price};
pub use schema::schemas;
pub use subject::{Subject, UnknownSubject};
pub use ticket::{TicketCreated, TicketUpdated};
