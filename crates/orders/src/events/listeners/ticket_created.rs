//! ticket:created: there is something to order.

use common::events::TicketCreated;
use common::listener::{Listener, Rejection};
use common::store::Tx;

use crate::events::QUEUE_GROUP;
use crate::models::{Ticket, Tickets};

/// Begins our copy of the ticket.
#[derive(Debug)]
pub(crate) struct TicketCreatedListener {
    pub(crate) tickets: Tickets,
}

impl Listener for TicketCreatedListener {
    type Event = TicketCreated;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        self.tickets.add(tx, &Ticket::from(event)).await?;
        Ok(())
    }
}
