//! What a listener is, and where its effects are stored: two traits that refer to each other.

use std::sync::Arc;

use events::{Event, RecordKey};
use service::Error;

use super::{Rejection, WaitingRoom};
use crate::Failures;

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
/// [`Listen`](crate::Listen) runs it.
pub trait Listener: Send + Sync + 'static {
    /// The event that it handles.
    type Event: Event;

    /// Where its effects are stored.
    type Effects: Effects;

    /// The queue group: each event is handled by one listener of the group. The names are the course's.
    const QUEUE_GROUP: &'static str;

    /// The record that the listener changes because of the event; by default the one that the event is about.
    ///
    /// The events of one record are handled one after the other, if they are about that record in the order of its
    /// versions. Events of different records are handled at the same time.
    fn record(event: &Self::Event) -> RecordKey {
        event.aggregate().record()
    }

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

/// Where the effects of listeners are stored, and with them the record of which events were handled.
///
/// This is a border of the design: the bus runs every listener in the same way, and knows no database. [`Nowhere`](crate::Nowhere) is for
/// listeners without one; the crate `store` implements this for a MongoDB database.
pub trait Effects: WaitingRoom + Clone + Send + Sync + 'static {
    /// What a handler makes its changes in: a transaction.
    type Tx: Send;

    /// Prepares for the listeners of a queue group, however long that takes: call it alongside the request to stop.
    fn open(&self, group: &'static str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Calls the listener and stores its effects together with the note that the event is handled: all or nothing.
    ///
    /// An event that was handled before is skipped. The listener is called again if its changes conflict with others.
    fn apply<L: Listener<Effects = Self>>(
        &self,
        listener: Arc<L>,
        event_id: String,
        event: Arc<L::Event>,
    ) -> impl Future<Output = Result<(), Rejection>> + Send;

    /// Whether the error means that the store or the broker is away, which is not counted as a failure of the event.
    fn is_outage(&self, error: &Error) -> bool;

    /// Records that handling the event has failed, and returns all its failures until now.
    fn failed(
        &self,
        group: &'static str,
        event_id: &str,
        error: &str,
    ) -> impl Future<Output = Result<Failures, Error>> + Send;
}
