//! The projection of the tickets: their titles, and who sells them.

use common::events::{Aggregate, AnyId, TicketCreated, TicketId, TicketUpdated, UserId, kind};
use serde::{Deserialize, Serialize};
use store::{Projected, Versioned};

/// A ticket as its last event reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    #[serde(rename = "_id")]
    id: TicketId,
    pub(crate) title: String,
    pub(crate) seller: UserId,
    version: u64,
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
        Self { id: event.id, title: event.title.clone(), seller: event.user_id, version: event.version }
    }

    fn changed(self, event: &TicketUpdated) -> Self {
        Self { title: event.title.clone(), version: event.version, ..self }
    }
}
