//! What this service says, and what it listens to.

mod listeners;
mod publishers;

pub(crate) use listeners::{OrderCancelledListener, OrderCreatedListener};
pub(crate) use publishers::{TicketCreatedPublisher, TicketUpdatedPublisher};

/// With whom the listeners share their events: all processes of this service.
const QUEUE_GROUP: &str = "tickets-service";
