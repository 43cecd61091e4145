//! The record that an event is about.

use std::fmt;
use std::str::FromStr;

use crate::{AnyId, OrderId, PaymentId, TicketId};

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

/// A record: what the lanes, and the events that wait for it, know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The kind of the record.
    pub aggregate: Aggregate,
    /// The record's id.
    pub id: AnyId,
}

/// A text that is not a [`RecordKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record: expected kind and id, as ticket/0123456789abcdef01234567")]
pub struct InvalidRecord;

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
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ticket, Self::Order, Self::Payment];

    /// The kind in one lower-case word: `ticket`, `order` or `payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Order => "order",
            Self::Payment => "payment",
        }
    }

    /// The kind in the plural, as collections of such records are named: `tickets`, `orders` or `payments`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Ticket => "tickets",
            Self::Order => "orders",
            Self::Payment => "payments",
        }
    }
}

impl AggregateRef {
    /// The record itself.
    pub const fn record(&self) -> RecordKey {
        RecordKey { aggregate: self.aggregate, id: self.id }
    }
}

impl fmt::Display for RecordKey {
    /// Writes kind and id, as `ticket/0123456789abcdef01234567`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate.as_str(), self.id)
    }
}

impl FromStr for RecordKey {
    type Err = InvalidRecord;

    fn from_str(text: &str) -> Result<Self, InvalidRecord> {
        let (kind, id) = text.split_once('/').ok_or(InvalidRecord)?;
        let aggregate = Aggregate::ALL.into_iter().find(|one| one.as_str() == kind).ok_or(InvalidRecord)?;
        Ok(Self { aggregate, id: id.parse().map_err(|_| InvalidRecord)? })
    }
}

impl From<TicketId> for RecordKey {
    fn from(id: TicketId) -> Self {
        Self { aggregate: Aggregate::Ticket, id: id.any() }
    }
}

impl From<OrderId> for RecordKey {
    fn from(id: OrderId) -> Self {
        Self { aggregate: Aggregate::Order, id: id.any() }
    }
}

impl From<PaymentId> for RecordKey {
    fn from(id: PaymentId) -> Self {
        Self { aggregate: Aggregate::Payment, id: id.any() }
    }
}

impl fmt::Display for AggregateRef {
    /// Writes kind and id, as `ticket/0123456789abcdef01234567`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record().fmt(f)
    }
}
