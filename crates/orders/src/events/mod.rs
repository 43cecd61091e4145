//! What this service publishes, and what it listens to.

mod listeners;
mod publishers;

pub(crate) use listeners::{
    ExpirationCompleteListener, PaymentCreatedListener, TicketCreatedListener, TicketUpdatedListener,
};
pub(crate) use publishers::{OrderCancelledPublisher, OrderCreatedPublisher, Published};

/// The queue group of the listeners: all processes of this service share the events.
const QUEUE_GROUP: &str = "orders-service";

/// All listeners of this service.
pub(crate) type Listeners =
    (TicketCreatedListener, TicketUpdatedListener, ExpirationCompleteListener, PaymentCreatedListener);
