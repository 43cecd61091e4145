//! ticket:created: a ticket can be ordered.

use common::events::TicketCreated;
use common::{Listener, Rejection, Store, Tx};
use store::Projection;

use crate::events::QUEUE_GROUP;
use crate::models::Ticket;

/// Adds the ticket to the projection.
#[derive(Debug)]
pub(crate) struct TicketCreatedListener {
    pub(crate) tickets: Projection<Ticket>,
}

impl Listener for TicketCreatedListener {
    type Event = TicketCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        Ok(self.tickets.add(tx, event).await?)
    }
}
