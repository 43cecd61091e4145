//! What this service says. Recorded with the state it tells of; the relay publishes it.

use common::events::{OrderCancelled, OrderCreated};
use common::store::Outbox;

/// All of it.
pub(crate) type Said = (OrderCreated, OrderCancelled);

pub(crate) type OrderCreatedPublisher = Outbox<OrderCreated>;

pub(crate) type OrderCancelledPublisher = Outbox<OrderCancelled>;
