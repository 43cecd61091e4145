//! order:created: an order can be paid.

use common::events::OrderCreated;
use common::{Listener, Rejection, Store, Tx};
use store::Projection;

use crate::events::QUEUE_GROUP;
use crate::models::Order;

/// Adds the order to the projection.
#[derive(Debug)]
pub(crate) struct OrderCreatedListener {
    pub(crate) orders: Projection<Order>,
}

impl Listener for OrderCreatedListener {
    type Event = OrderCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    async fn on_message(&self, event: &OrderCreated, tx: &mut Tx) -> Result<(), Rejection> {
        Ok(self.orders.add(tx, event).await?)
    }
}
