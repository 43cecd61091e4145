//! Listeners: what a service does about an event.

mod adapter;
mod claim;
mod effects;
mod listeners;

use std::time::Duration;

use events::Event;

pub use adapter::Listen;
pub use claim::ListenedTwice;
pub(crate) use claim::{Claim, Claims};
pub use effects::{Effects, Failures, Nowhere};
pub use listeners::{Listeners, Subscribed};

/// Handles one kind of event for one queue group.
///
/// ```
/// # use bus::{Listener, Nowhere, Publisher, Rejection};
/// # use events::{ExpirationComplete, OrderCreated};
/// struct OrderCreatedListener {
///     expired: Publisher<ExpirationComplete>,
/// }
///
/// impl Listener for OrderCreatedListener {
///     type Event = OrderCreated;
///     type Effects = Nowhere; // or the database, `Store`
///
///     const QUEUE_GROUP: &'static str = "expiration-service";
///
///     async fn on_message(&self, order: &OrderCreated, _: &mut ()) -> Result<(), Rejection> {
///         self.expired.publish_at(&ExpirationComplete { order_id: order.id }, order.expires_at).await?;
///         Ok(())
///     }
/// }
/// ```
///
/// [`Listen`] runs it.
pub trait Listener: Send + Sync + 'static {
    /// The event that it handles.
    type Event: Event;

    /// Where its effects are stored.
    type Effects: Effects;

    /// The queue group: each event is handled by one listener of the group. The names are the course's.
    const QUEUE_GROUP: &'static str;

    /// Handles the event: every change it makes and every event it records, it makes in the transaction. When the
    /// transaction conflicts with another, it is called again with a new one.
    ///
    /// Its result is the ack. With effects in a database, an event that was handled before never arrives here.
    fn on_message(
        &self,
        event: &Self::Event,
        tx: &mut <Self::Effects as Effects>::Tx,
    ) -> impl Future<Output = Result<(), Rejection>> + Send;
}

/// Why an event is not handled. Nothing of what was done in the transaction remains.
///
/// `?` on any error means [`Rejection::Retry`]; therefore this type is not an error itself.
#[derive(Debug)]
pub enum Rejection {
    /// Something failed that may succeed later: the event is redelivered with growing pauses. After too many
    /// [attempts](Limits::attempts) it becomes a dead letter.
    Retry(anyhow::Error),
    /// An earlier event has not arrived yet: this one is redelivered soon, which is not counted as a failure. When it has
    /// waited for [too long](Limits::wait), it becomes a dead letter.
    NotYet,
    /// The event can never be handled: it becomes a dead letter immediately.
    Discard(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

/// How much at a time, how often and for how long a listener tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many events it handles concurrently.
    pub concurrency: usize,
    /// How many attempts an event gets.
    pub attempts: u32,
    /// How long an event may wait for an earlier one.
    pub wait: Duration,
}

impl Default for Limits {
    /// 8 concurrent events; 10 attempts, which take about two minutes; one hour.
    fn default() -> Self {
        Self { concurrency: 8, attempts: 10, wait: Duration::from_secs(60 * 60) }
    }
}
