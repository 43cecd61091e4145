//! ticket:updated: a ticket that can be ordered has changed.

use common::events::TicketUpdated;
use common::{Listener, Rejection, Store, Tx};
use store::Arrival;

use crate::events::QUEUE_GROUP;
use crate::models::Tickets;

/// Brings the projection of the ticket up to date, one version after the other.
#[derive(Debug)]
pub(crate) struct TicketUpdatedListener {
    pub(crate) tickets: Tickets,
}

impl Listener for TicketUpdatedListener {
    type Event = TicketUpdated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &TicketUpdated, tx: &mut Tx) -> Result<(), Rejection> {
        let ticket = self.tickets.find_in(tx, event.id).await?.ok_or(Rejection::NotYet)?;
        match ticket.updated(event) {
            (Arrival::Next, ticket) => self.tickets.save(tx, &ticket).await?,
            (Arrival::AlreadySeen, _) => {}
            (Arrival::TooEarly, _) => return Err(Rejection::NotYet),
        }
        Ok(())
    }
}
