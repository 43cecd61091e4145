//! order:cancelled: the end of the order's time to pay matters no more.

use common::events::{ExpirationComplete, OrderCancelled};
use common::{Listener, Nowhere, Publisher, Rejection};

use crate::events::QUEUE_GROUP;

/// Withdraws the schedule. If the order's creation arrives only later, its end is published without effect.
#[derive(Debug)]
pub(crate) struct OrderCancelledListener {
    pub(crate) expired: Publisher<ExpirationComplete>,
}

impl Listener for OrderCancelledListener {
    type Event = OrderCancelled;
    type Effects = Nowhere;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, order: &OrderCancelled, (): &mut ()) -> Result<(), Rejection> {
        self.expired.withdraw(&ExpirationComplete { order_id: order.id }).await?;
        Ok(())
    }
}
