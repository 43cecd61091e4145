//! expiration:complete: the time to pay an order has run out.

use common::events::{ExpirationComplete, RecordKey};
use common::{Listener, Rejection, Store, Tx};

use crate::events::{OrderCancelledPublisher, QUEUE_GROUP};
use crate::models::{Cancelled, Orders};

/// Cancels the order unless it is paid, and records the event that reports it.
#[derive(Debug)]
pub(crate) struct ExpirationCompleteListener {
    pub(crate) orders: Orders,
    pub(crate) cancelled: OrderCancelledPublisher,
}

impl Listener for ExpirationCompleteListener {
    type Event = ExpirationComplete;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    fn record(event: &ExpirationComplete) -> RecordKey {
        event.order_id.into()
    }

    async fn on_message(&self, event: &ExpirationComplete, tx: &mut Tx) -> Result<(), Rejection> {
        let order = self.orders.find_in(tx, event.order_id).await?;
        let order = order.ok_or_else(|| Rejection::until_it_exists(event.order_id))?;
        match self.orders.cancel(tx, order, &self.cancelled).await? {
            Cancelled::Now | Cancelled::Before | Cancelled::Never => Ok(()),
        }
    }
}
