//! What this service publishes: recorded together with the change that it reports, and published by the relay.

use common::Outbox;
use common::events::{OrderCancelled, OrderCreated};

/// All events of this service.
pub(crate) type Published = (OrderCreated, OrderCancelled);

pub(crate) type OrderCreatedPublisher = Outbox<OrderCreated>;

pub(crate) type OrderCancelledPublisher = Outbox<OrderCancelled>;
