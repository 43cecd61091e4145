//! order:created: the order's time to pay begins.

use common::events::{ExpirationComplete, OrderCreated};
use common::{Listener, Nowhere, Publisher, Rejection};

use crate::events::{QUEUE_GROUP, unless_refused};

/// Schedules the end of the order's time to pay at the broker.
#[derive(Debug)]
pub(crate) struct OrderCreatedListener {
    pub(crate) expired: Publisher<ExpirationComplete>,
}

impl Listener for OrderCreatedListener {
    type Event = OrderCreated;
    type Effects = Nowhere;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, order: &OrderCreated, (): &mut ()) -> Result<(), Rejection> {
        let expired = ExpirationComplete { order_id: order.id };
        self.expired.publish_at(&expired, order.expires_at).await.map_err(unless_refused)?;
        Ok(())
    }
}
