//! payment:created: the order is paid.

use common::events::{PaymentCreated, RecordKey};
use common::{Listener, Rejection, Store, Tx};

use crate::events::QUEUE_GROUP;
use crate::models::{Completion, Orders};

/// Completes the order, unless it was cancelled.
///
/// The payments service pays the money of a cancelled order back. It listens to `order:cancelled` itself, so nothing is left
/// to do here.
#[derive(Debug)]
pub(crate) struct PaymentCreatedListener {
    pub(crate) orders: Orders,
}

impl Listener for PaymentCreatedListener {
    type Event = PaymentCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = QUEUE_GROUP;

    fn record(event: &PaymentCreated) -> RecordKey {
        event.order_id.into()
    }

    async fn on_message(&self, event: &PaymentCreated, tx: &mut Tx) -> Result<(), Rejection> {
        let order = self.orders.find_in(tx, event.order_id).await?;
        let order = order.ok_or_else(|| Rejection::until_it_exists(event.order_id))?;
        match order.complete() {
            Completion::Completed(order) => self.orders.save_completed(tx, &order).await?,
            Completion::AlreadyComplete => {}
            Completion::Cancelled => {
                let PaymentCreated { id, order_id, .. } = event;
                tracing::info!(%order_id, payment_id = %id, "the order was cancelled before its payment arrived");
            }
        }
        Ok(())
    }
}
