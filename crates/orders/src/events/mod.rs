//! What this service says, and what it listens to.

mod listeners;
mod publishers;

pub(crate) use listeners::{
    ExpirationCompleteListener, PaymentCreatedListener, TicketCreatedListener, TicketUpdatedListener,
};
pub(crate) use publishers::{OrderCancelledPublisher, OrderCreatedPublisher};

/// With whom the listeners share their events: all processes of this service.
const QUEUE_GROUP: &str = "orders-service";
