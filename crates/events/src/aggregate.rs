//! The record that an event is about.

use std::fmt;

use crate::AnyId;

/// The kinds of records that events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aggregate {
    /// A ticket, owned by the tickets service.
    Ticket,
    /// An order, owned by the orders service.
    Order,
    /// A payment, owned by the payments service.
    Payment,
}

/// The record that an event is about, and the version that the record has because of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AggregateRef {
    /// The kind of the record.
    pub aggregate: Aggregate,
    /// The record's id.
    pub id: AnyId,
    /// The record's version after the change; `None` if the event does not change the record itself.
    pub version: Option<u64>,
}

impl Aggregate {
    /// The kind in one lower-case word: `ticket`, `order` or `payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Order => "order",
            Self::Payment => "payment",
        }
    }
}

impl fmt::Display for AggregateRef {
    /// Writes kind and id, as `ticket/0123456789abcdef01234567`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate.as_str(), self.id)
    }
}
