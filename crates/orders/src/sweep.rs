//! The safety net under the expiration service: orders that are overdue, and that nobody has told us of.

use std::time::Duration;

use common::bus::Bus;
use common::store::{Store, Tx};
use service::{Error, Scope, Service};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::events::OrderCancelledPublisher;
use crate::models::{Cancelled, Orders};

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(5);

/// How long the expiration service has to tell of an order first.
const OVERDUE_AFTER: Duration = Duration::from_secs(10);

/// Cancels orders whose window is long over. Not while the broker is away, or has just come back: a payment, or the end
/// of the window itself, may be on its way.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
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
        let mut connected_since = None;
        while stopping.or(beat.tick()).await.is_some() {
            connected_since = self.bus.is_connected().then(|| connected_since.unwrap_or_else(Instant::now));
            if connected_since.is_some_and(|since| since.elapsed() >= OVERDUE_AFTER)
                && let Some(Err(error)) = stopping.or(self.sweep()).await
            {
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
            let work = async move |tx: &mut Tx| match orders.find_in(tx, &order).await? {
                Some(order) => orders.cancel(tx, order, &cancelled).await,
                None => Ok(Cancelled::Before),
            };
            match self.store.transaction(work).await {
                Ok(Cancelled::Now) => tracing::warn!(order = %id, "the order was overdue, and nobody had said so"),
                Ok(Cancelled::Before | Cancelled::Never) => {}
                Err(error) => tracing::warn!(order = %id, "an overdue order stays: {error:#}"),
            }
        }
        Ok(())
    }
}
