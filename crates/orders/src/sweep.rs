//! The safety net under the expiration service: overdue orders that no event has reported.

use std::time::Duration;

use bus::Bus;
use service::{Error, Scope, Service};
use store::{Store, Tx, report};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::events::OrderCancelledPublisher;
use crate::models::{Cancelled, Orders};

/// How often overdue orders are looked up.
const EVERY: Duration = Duration::from_secs(5);

/// How long the expiration service has to report an order first.
const OVERDUE_AFTER: Duration = Duration::from_secs(10);

/// Cancels orders that expired long ago, but not while the broker is away or has just returned: a payment, or the
/// expiration itself, may be on its way.
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
                report(&"failed to look up overdue orders", &error);
            }
        }
        Ok(())
    }
}

impl Sweep {
    async fn sweep(&self) -> Result<(), Error> {
        for id in self.orders.overdue(OVERDUE_AFTER).await? {
            let (orders, cancelled) = (self.orders.clone(), self.cancelled.clone());
            let work = async move |tx: &mut Tx| match orders.find_in(tx, id).await? {
                Some(order) => orders.cancel(tx, order, &cancelled).await,
                None => Ok(Cancelled::Before),
            };
            match self.store.transaction(work).await {
                Ok(Cancelled::Now) => {
                    tracing::warn!(order_id = %id, "cancelled an overdue order that no event had reported")
                }
                Ok(Cancelled::Before | Cancelled::Never) => {}
                Err(error) => report(&format_args!("failed to cancel the overdue order {id}"), &error),
            }
        }
        Ok(())
    }
}
