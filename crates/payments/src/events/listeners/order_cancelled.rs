//! order:cancelled: an order can't be paid any more, and what was paid for it goes back.

use common::events::OrderCancelled;
use common::{Listener, Rejection, Store, Tx};
use store::Projection;

use crate::events::QUEUE_GROUP;
use crate::models::{Order, Payments};

/// Updates the projection of the order, and makes what was paid due to be refunded.
#[derive(Debug)]
pub(crate) struct OrderCancelledListener {
    pub(crate) orders: Projection<Order>,
    pub(crate) payments: Payments,
}

impl Listener for OrderCancelledListener {
    type Event = OrderCancelled;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &OrderCancelled, tx: &mut Tx) -> Result<(), Rejection> {
        self.orders.apply(tx, event).await?;
        Ok(self.payments.order_cancelled(tx, event.id).await?)
    }
}
