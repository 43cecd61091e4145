//! order:cancelled: the order releases its ticket.

use anyhow::anyhow;
use common::events::{OrderCancelled, RecordKey};
use common::{Listener, Rejection, Store, Tx};

use crate::events::{QUEUE_GROUP, TicketUpdatedPublisher};
use crate::models::{Release, Tickets};

/// Releases the ticket, and records the event that reports it.
#[derive(Debug)]
pub(crate) struct OrderCancelledListener {
    pub(crate) tickets: Tickets,
    pub(crate) updated: TicketUpdatedPublisher,
}

impl Listener for OrderCancelledListener {
    type Event = OrderCancelled;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    fn record(order: &OrderCancelled) -> RecordKey {
        order.ticket.id.into()
    }

    async fn on_message(&self, order: &OrderCancelled, tx: &mut Tx) -> Result<(), Rejection> {
        let ticket = self.tickets.find_in(tx, order.ticket.id).await?;
        let ticket = ticket.ok_or_else(|| Rejection::Discard(anyhow!("there is no ticket {}", order.ticket.id)))?;
        match ticket.release(order.id) {
            Release::Released(ticket, updated) => {
                self.tickets.save(tx, &ticket).await??;
                self.updated.record(tx, &updated).await?;
            }
            Release::Remembered(ticket) => self.tickets.remember(tx, &ticket).await?,
        }
        Ok(())
    }
}
