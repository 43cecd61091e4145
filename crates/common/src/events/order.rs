//! What the orders service tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Aggregate, AggregateRef, Event, Subject};
use crate::{OrderId, Price, TicketId, UserId};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OrderStatus {
    /// The ticket is reserved, nothing is paid.
    #[serde(rename = "created")]
    Created,
    /// Given up by the buyer, or out of time.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// A payment has begun.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// Paid.
    #[serde(rename = "complete")]
    Complete,
}

/// A ticket was reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCreated {
    /// Which order.
    pub id: OrderId,
    /// 0.
    pub version: u64,
    /// Created.
    pub status: OrderStatus,
    /// Who buys.
    pub user_id: UserId,
    /// Until when it must be paid.
    #[serde(with = "super::timestamp")]
    #[schemars(schema_with = "super::timestamp::schema")]
    pub expires_at: OffsetDateTime,
    /// What is bought.
    pub ticket: OrderedTicket,
}

/// The ticket of a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderedTicket {
    /// Which ticket.
    pub id: TicketId,
    /// What it cost when it was reserved.
    pub price: Price,
}

/// An order was given up, or ran out of time: its ticket is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// Which order.
    pub id: OrderId,
    /// One more than before.
    pub version: u64,
    /// What it had reserved.
    pub ticket: CancelledTicket,
}

/// The ticket of a cancelled order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelledTicket {
    /// Which ticket.
    pub id: TicketId,
}

impl Event for OrderCreated {
    const SUBJECT: Subject = Subject::OrderCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.id.to_string(), version: Some(self.version) }
    }
}

impl Event for OrderCancelled {
    const SUBJECT: Subject = Subject::OrderCancelled;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.id.to_string(), version: Some(self.version) }
    }
}
