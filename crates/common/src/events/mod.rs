//! The events: what services tell each other, in the words of the course.
//!
//! A name on the wire is a constant of its type, and the set is closed: [`Subject::ALL`] is what the stream holds.
//!
//! An event stands in the stream for years, and services of two versions run side by side. So it may get optional fields,
//! and nothing else: what differs more is another event, with a subject of its own. Tests refuse any other change and say
//! what to do; [`schemas`] is what they look at.

mod aggregate;
mod expiration;
mod order;
mod payment;
mod schema;
mod subject;
mod ticket;
pub mod timestamp;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::aggregate::{Aggregate, AggregateRef};
pub use self::expiration::ExpirationComplete;
pub use self::order::{CancelledTicket, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket};
pub use self::payment::PaymentCreated;
pub use self::schema::schemas;
pub use self::subject::{Subject, UnknownSubject};
pub use self::ticket::{TicketCreated, TicketUpdated};

/// A message that services understand: its type *is* its payload.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where it is published.
    const SUBJECT: Subject;

    /// What it tells about.
    fn aggregate(&self) -> AggregateRef;
}

/// An event that no state of its service stands behind, so that it may be published by itself.
///
/// All others are recorded, with the state they tell of, in an [`Outbox`](crate::store::Outbox).
#[diagnostic::on_unimplemented(
    message = "`{Self}` tells of a state, so a service can't publish it by itself",
    label = "record it in an `Outbox<{Self}>`, in the transaction that changes the state",
    note = "a publisher is for events that no state stands behind: those that implement `Direct`"
)]
pub trait Direct: Event {}
