//! ticket:updated: a ticket that can be ordered has changed.

use common::events::TicketUpdated;
use common::{Listener, Rejection, Store, Tx};
use store::Projection;

use crate::events::QUEUE_GROUP;
use crate::models::Ticket;

/// Updates the projection of the ticket, one version after the other.
#[derive(Debug)]
pub(crate) struct TicketUpdatedListener {
    pub(crate) tickets: Projection<Ticket>,
}

impl Listener for TicketUpdatedListener {
    type Event = TicketUpdated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &TicketUpdated, tx: &mut Tx) -> Result<(), Rejection> {
        self.tickets.apply(tx, event).await
    }
}
