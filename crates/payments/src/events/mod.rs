//! What this service publishes, and what it listens to.

mod listeners;
mod publishers;

pub(crate) use listeners::{Listeners, OrderCancelledListener, OrderCreatedListener};
pub(crate) use publishers::Published;

/// The queue group of the listeners: all processes of this service share the events.
const QUEUE_GROUP: &str = "payments-service";
