//! The events: what services tell each other, in the words of the course.
//!
//! A name on the wire is a constant of its type, and the set is closed: [`Subject::ALL`] is what the stream holds.

mod aggregate;
mod expiration;
mod order;
mod payment;
mod subject;
mod ticket;
mod time;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::aggregate::{Aggregate, AggregateRef};
pub use self::expiration::ExpirationComplete;
pub use self::order::{CancelledTicket, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket};
pub use self::payment::PaymentCreated;
pub use self::subject::{Subject, UnknownSubject};
pub use self::ticket::{TicketCreated, TicketUpdated};

/// A message that services understand: its type *is* its payload.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where it is published.
    const SUBJECT: Subject;

    /// What it tells about.
    fn aggregate(&self) -> AggregateRef;
}
