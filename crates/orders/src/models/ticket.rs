//! The projection of the tickets: what an order is made from, and stores of its ticket.

use common::events::{Aggregate, AnyId, Price, TicketCreated, TicketId, TicketUpdated, kind};
use serde::{Deserialize, Serialize};
use store::{Projected, Versioned};

/// A ticket as its last event reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    #[serde(rename = "_id")]
    id: TicketId,
    title: String,
    #[serde(flatten, with = "store::price")]
    price: Price,
    version: u64,
}

impl Ticket {
    pub(crate) fn id(&self) -> TicketId {
        self.id
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    pub(crate) fn price(&self) -> Price {
        self.price
    }
}

impl Versioned for Ticket {
    fn id(&self) -> AnyId {
        self.id.any()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Projected for Ticket {
    const AGGREGATE: Aggregate = Aggregate::Ticket;

    type Kind = kind::Ticket;
    type Created = TicketCreated;
    type Changed = TicketUpdated;

    fn created(event: &TicketCreated) -> Self {
        let TicketCreated { id, version, title, price, .. } = event.clone();
        Self { id, title, price, version }
    }

    fn changed(self, event: &TicketUpdated) -> Self {
        let TicketUpdated { version, title, price, .. } = event.clone();
        Self { title, price, version, ..self }
    }
}
