//! order:created: the order reserves its ticket.

use anyhow::anyhow;
use common::events::{OrderCreated, RecordKey};
use common::{Listener, Rejection, Store, Tx};
use store::Versioned;

use crate::events::{QUEUE_GROUP, TicketUpdatedPublisher};
use crate::models::{Reserve, Tickets};

/// Reserves the ticket, and records the event that reports it.
#[derive(Debug)]
pub(crate) struct OrderCreatedListener {
    pub(crate) tickets: Tickets,
    pub(crate) updated: TicketUpdatedPublisher,
}

impl Listener for OrderCreatedListener {
    type Event = OrderCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    fn record(order: &OrderCreated) -> RecordKey {
        order.ticket.id.into()
    }

    async fn on_message(&self, order: &OrderCreated, tx: &mut Tx) -> Result<(), Rejection> {
        let ticket = self.tickets.find_in(tx, order.ticket.id).await?;
        // This service owns the tickets, so no event about an unknown one can follow.
        let ticket = ticket.ok_or_else(|| Rejection::Discard(anyhow!("there is no ticket {}", order.ticket.id)))?;
        let version = ticket.version();
        match ticket.reserve(order.id) {
            Reserve::Reserved(ticket, updated) => {
                self.tickets.save(tx, &ticket).await??;
                self.updated.record(tx, &updated).await?;
            }
            Reserve::AlreadyCancelled(ticket) => self.tickets.remember(tx, &ticket).await?,
            Reserve::AlreadyReserved => {}
            Reserve::HeldByAnother => return Err(Rejection::until(order.ticket.id, version + 1)),
        }
        Ok(())
    }
}
