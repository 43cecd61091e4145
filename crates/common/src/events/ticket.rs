//! What the tickets service tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aggregate, AggregateRef, Event, Subject};
use crate::{OrderId, Price, TicketId, UserId};

/// A ticket was put up for sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketCreated {
    /// Which ticket.
    pub id: TicketId,
    /// 0.
    pub version: u64,
    /// What it is for.
    pub title: String,
    /// What it costs.
    pub price: Price,
    /// Who sells it.
    pub user_id: UserId,
}

/// A ticket was changed: its title or price by its seller, its order by a reservation that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketUpdated {
    /// Which ticket.
    pub id: TicketId,
    /// One more than before.
    pub version: u64,
    /// What it is for.
    pub title: String,
    /// What it costs.
    pub price: Price,
    /// Who sells it.
    pub user_id: UserId,
    /// The order that holds it; absent while it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

impl Event for TicketCreated {
    const SUBJECT: Subject = Subject::TicketCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Ticket, id: self.id.to_string(), version: Some(self.version) }
    }
}

impl Event for TicketUpdated {
    const SUBJECT: Subject = Subject::TicketUpdated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Ticket, id: self.id.to_string(), version: Some(self.version) }
    }
}
