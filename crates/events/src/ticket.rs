//! The events of the tickets service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, AggregateRef, Event, OrderId, Price, Subject, TicketId, UserId};

/// A seller has put a ticket up for sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketCreated {
    /// The id of the ticket.
    pub id: TicketId,
    /// The version of the ticket; a new ticket has version 0, and each later event of the ticket raises it by one.
    pub version: u64,
    /// The title of the ticket, 1 to 200 characters.
    pub title: String,
    /// The price of the ticket.
    pub price: Price,
    /// The id of the user who sells the ticket.
    pub user_id: UserId,
}

/// A ticket has changed: its seller has set another title or price, or an order has reserved or released it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketUpdated {
    /// The id of the ticket.
    pub id: TicketId,
    /// The version of the ticket after the change; one more than in the ticket's previous event.
    pub version: u64,
    /// The title of the ticket, 1 to 200 characters.
    pub title: String,
    /// The price of the ticket.
    pub price: Price,
    /// The id of the user who sells the ticket.
    pub user_id: UserId,
    /// The id of the order that has reserved the ticket; absent while the ticket is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

impl Event for TicketCreated {
    const SUBJECT: Subject = Subject::TicketCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Ticket, id: self.id.any(), version: Some(self.version) }
    }
}

impl Event for TicketUpdated {
    const SUBJECT: Subject = Subject::TicketUpdated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Ticket, id: self.id.any(), version: Some(self.version) }
    }
}
