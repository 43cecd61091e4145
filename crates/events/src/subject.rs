//! The closed set of subjects.

use std::fmt;
use std::str::FromStr;

/// The subject that an event is published on, named exactly as in the course, which has all but `payment:refunded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// `ticket:created`
    TicketCreated,
    /// `ticket:updated`
    TicketUpdated,
    /// `order:created`
    OrderCreated,
    /// `order:cancelled`
    OrderCancelled,
    /// `expiration:complete`
    ExpirationComplete,
    /// `payment:created`
    PaymentCreated,
    /// `payment:refunded`
    PaymentRefunded,
}

impl Subject {
    /// All subjects: what the stream contains. (To NATS, `ticket:*` is a literal and not a wildcard.)
    pub const ALL: [Self; 7] = [
        Self::TicketCreated,
        Self::TicketUpdated,
        Self::OrderCreated,
        Self::OrderCancelled,
        Self::ExpirationComplete,
        Self::PaymentCreated,
        Self::PaymentRefunded,
    ];

    /// The subject as published: `ticket:created`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TicketCreated => "ticket:created",
            Self::TicketUpdated => "ticket:updated",
            Self::OrderCreated => "order:created",
            Self::OrderCancelled => "order:cancelled",
            Self::ExpirationComplete => "expiration:complete",
            Self::PaymentCreated => "payment:created",
            Self::PaymentRefunded => "payment:refunded",
        }
    }

    /// The subject within names of consumers and keys, where a colon is not always allowed: `ticket-created`.
    pub fn dashed(self) -> String {
        self.as_str().replace(':', "-")
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not a subject of this system; the error lists those that are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a subject of this system; they are {list}", list = Subject::ALL.map(Subject::as_str).join(", "))]
pub struct UnknownSubject(String);

impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        let found = Self::ALL.into_iter().find(|subject| subject.as_str() == text);
        found.ok_or_else(|| UnknownSubject(text.to_owned()))
    }
}
