//! What this service publishes, and what it listens to.

mod listeners;
mod publishers;

pub(crate) use listeners::{
    ExpirationCompleteListener, Listeners, PaymentCreatedListener, TicketCreatedListener, TicketUpdatedListener,
};
pub(crate) use publishers::{OrderCancelledPublisher, OrderCreatedPublisher, Published};

/// The queue group of the listeners: all processes of this service share the events.
const QUEUE_GROUP: &str = "orders-service";
