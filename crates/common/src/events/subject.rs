//! The closed set of subjects.

use std::fmt;
use std::str::FromStr;

/// Where an event is published; the words are exactly the course's.
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
}

impl Subject {
    /// All of them: what the stream holds. (`ticket:*` would be a literal to NATS, not a wildcard.)
    pub const ALL: [Self; 6] = [
        Self::TicketCreated,
        Self::TicketUpdated,
        Self::OrderCreated,
        Self::OrderCancelled,
        Self::ExpirationComplete,
        Self::PaymentCreated,
    ];

    /// As it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TicketCreated => "ticket:created",
            Self::TicketUpdated => "ticket:updated",
            Self::OrderCreated => "order:created",
            Self::OrderCancelled => "order:cancelled",
            Self::ExpirationComplete => "expiration:complete",
            Self::PaymentCreated => "payment:created",
        }
    }

    /// As it stands inside the names of consumers and keys, which may not hold a colon everywhere: `ticket-created`.
    pub(crate) fn dashed(self) -> String {
        self.as_str().replace(':', "-")
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no subject of this system.
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
