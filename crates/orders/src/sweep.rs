//! The safety net under the expiration service: orders that are overdue, and that nobody has told us of.

use std::time::Duration;

use common::store::{Store, Tx};
use service::{Error, Scope, Service};
use tokio::time::{MissedTickBehavior, interval};

use crate::events::OrderCancelledPublisher;
use crate::models::{Cancel, Orders};

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(5);

/// How long the expiration service has to tell of an order first.
const OVERDUE_AFTER: Duration = Duration::from_secs(10);

/// Cancels orders whose window is long over.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) store: Store,
    pub(crate) orders: Orders,
    pub(crate) cancelled: OrderCancelledPublisher,
}

impl Service for Sweep {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let stopping = scope.stopping();
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.or(beat.tick()).await.is_some() {
            if let Some(Err(error)) = stopping.or(self.sweep()).await {
                tracing::warn!("looking for overdue orders: {error:#}");
            }
        }
        Ok(())
    }
}

impl Sweep {
    async fn sweep(&self) -> Result<(), Error> {
        for id in self.orders.overdue(OVERDUE_AFTER).await? {
            let (orders, cancelled, order) = (self.orders.clone(), self.cancelled.clone(), id.clone());
            let work = async move |tx: &mut Tx| {
                let Some(order) = orders.find_in(tx, &order).await? else { return Ok(false) };
                match order.cancel() {
                    Cancel::Cancelled(order, event) => orders.save_cancelled(tx, &order, &cancelled, &event).await?,
                    Cancel::AlreadyCancelled | Cancel::Complete => return Ok(false),
                }
                Ok::<_, Error>(true)
            };
            if self.store.transaction(work).await? {
                tracing::warn!(order = %id, "the order was overdue, and nobody had said so");
            }
        }
        Ok(())
    }
}
