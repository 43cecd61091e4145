//! expiration:complete: the time to pay an order has run out.

use common::events::ExpirationComplete;
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

    async fn on_message(&self, event: &ExpirationComplete, tx: &mut Tx) -> Result<(), Rejection> {
        let order = self.orders.find_in(tx, event.order_id).await?.ok_or(Rejection::NotYet)?;
        match self.orders.cancel(tx, order, &self.cancelled).await? {
            Cancelled::Now | Cancelled::Before | Cancelled::Never => Ok(()),
        }
    }
}
