//! expiration:complete: the time to pay an order has run out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::events::{ExpirationComplete, OrderId, RecordKey};
use common::{Listener, Rejection, Store, Tx};
use time::OffsetDateTime;

use crate::events::{OrderCancelledPublisher, QUEUE_GROUP};
use crate::models::{Cancelled, Orders};

/// By how much the clocks of the broker and of this service may differ before that is warned of, and how often.
const MAX_DIFFERENCE: Duration = Duration::from_secs(1);
const WARNED_EVERY: Duration = Duration::from_secs(60);

/// Cancels the order unless it is paid, and records the event that reports it.
///
/// The broker sends the event by its own clock. The order's time runs by the clock of this service, which has set it, so an
/// event that comes earlier waits for that time.
#[derive(Debug)]
pub(crate) struct ExpirationCompleteListener {
    orders: Orders,
    cancelled: OrderCancelledPublisher,
    /// When a difference of the clocks was warned of last.
    warned: Mutex<Option<Instant>>,
}

impl ExpirationCompleteListener {
    pub(crate) fn new(orders: &Orders, cancelled: &OrderCancelledPublisher) -> Self {
        Self { orders: orders.clone(), cancelled: cancelled.clone(), warned: Mutex::default() }
    }

    fn came_early(&self, order: OrderId, by: Duration) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if by > MAX_DIFFERENCE && warned.is_none_or(|at| at.elapsed() >= WARNED_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(order_id = %order, "expiration:complete came {by:.1?} before the order's time, and waits for it: \
                the clock of the broker is ahead of this machine's; set both by the same time server");
        }
    }
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
        if order.is_open()
            && let Ok(early) = Duration::try_from(order.expires_at() - OffsetDateTime::now_utc())
            && !early.is_zero()
        {
            self.came_early(event.order_id, early);
            return Err(Rejection::NotBefore(order.expires_at()));
        }
        match self.orders.cancel(tx, order, &self.cancelled).await? {
            Cancelled::Now | Cancelled::Before | Cancelled::Never => Ok(()),
        }
    }
}
