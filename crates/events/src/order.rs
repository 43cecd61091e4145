//! The events of the orders service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Aggregate, AggregateRef, Event, OrderId, Price, Subject, TicketId, UserId};

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OrderStatus {
    /// The order has reserved its ticket, and nothing is paid yet.
    #[serde(rename = "created")]
    Created,
    /// The buyer has cancelled the order, or its time to pay has run out.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// The order is reserved, and its payment has begun.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// The order is paid.
    #[serde(rename = "complete")]
    Complete,
}

impl OrderStatus {
    /// The status as it is written in JSON: `awaiting:payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Cancelled => "cancelled",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
        }
    }
}

/// A buyer has reserved a ticket with a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCreated {
    /// The id of the order.
    pub id: OrderId,
    /// The version of the order; a new order has version 0, and each later event of the order raises it by one.
    pub version: u64,
    /// The status of the order, which is `created`.
    pub status: OrderStatus,
    /// The id of the user who buys the ticket.
    pub user_id: UserId,
    /// The time at which the order expires if it has not been paid; RFC 3339, UTC, with milliseconds.
    #[serde(with = "crate::timestamp")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub expires_at: OffsetDateTime,
    /// The ticket that the order has reserved.
    pub ticket: OrderedTicket,
}

/// The ticket of a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderedTicket {
    /// The id of the ticket.
    pub id: TicketId,
    /// The price of the ticket at the time of the reservation: the amount that the buyer pays.
    pub price: Price,
}

/// A buyer has cancelled an order, or its time to pay has run out; its ticket can be reserved again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The id of the order.
    pub id: OrderId,
    /// The version of the order after the change; one more than in the order's previous event.
    pub version: u64,
    /// The ticket that the order has released.
    pub ticket: CancelledTicket,
}

/// The ticket of a cancelled order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelledTicket {
    /// The id of the ticket.
    pub id: TicketId,
}

impl Event for OrderCreated {
    const SUBJECT: Subject = Subject::OrderCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.id.any(), version: Some(self.version) }
    }
}

impl Event for OrderCancelled {
    const SUBJECT: Subject = Subject::OrderCancelled;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.id.any(), version: Some(self.version) }
    }
}
