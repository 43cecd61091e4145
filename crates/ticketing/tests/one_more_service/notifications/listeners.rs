//! What this service listens to.

use common::events::{OrderCreated, TicketCreated, TicketUpdated};
use common::{Listener, Rejection, Store, Tx};
use store::Projection;

use super::notification::{Notification, Notifications};
use super::ticket::Ticket;

/// The queue group of the listeners: all processes of this service share the events.
const QUEUE_GROUP: &str = "notifications-service";

/// All listeners of this service.
pub(crate) type Listeners = (TicketCreatedListener, TicketUpdatedListener, OrderCreatedListener);

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

/// Informs the seller of the ticket.
#[derive(Debug)]
pub(crate) struct OrderCreatedListener {
    pub(crate) tickets: Projection<Ticket>,
    pub(crate) notifications: Notifications,
}

impl Listener for OrderCreatedListener {
    type Event = OrderCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &OrderCreated, tx: &mut Tx) -> Result<(), Rejection> {
        let ticket = self.tickets.find_in(tx, event.ticket.id).await?;
        let ticket = ticket.ok_or_else(|| Rejection::until_it_exists(event.ticket.id))?;
        let text = format!("{} was reserved", ticket.title);
        let notification = Notification { order: event.id, user_id: ticket.seller, text };
        Ok(self.notifications.insert(tx, &notification).await?)
    }
}
