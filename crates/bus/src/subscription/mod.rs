//! A subscription: messages in, verdicts out.
//!
//! # Decided, and why
//!
//! * **A pull consumer, with an accounting of our own** ([`pull`]). A member requests at most as many messages as it wants to
//!   have, so a slow member does not collect what others could handle. The message stream of async-nats can stall with
//!   messages waiting, because it counts requests in two tasks; here one task does everything.
//! * **The handler's return value is the ack** ([`Verdict`]), confirmed by the broker: an ack that got lost would be a second
//!   delivery later, when nobody remembers the first.
//! * **The ack wait is a limit for dead members, not for slow handlers.** Every message in flight, waiting or being handled,
//!   is reported as in progress several times within the ack wait.
//! * **The broker is never trusted to be the same after a disturbance.** After a reconnect, a silence, or an error of a
//!   request, the consumer is checked before anything is requested, and created again behind the last message that the whole
//!   group had handled ([`joined`]).
//! * **At least once.** A message is redelivered if its verdict does not reach the broker in time, so handlers must recognise
//!   duplicates.
//!
//! # Phases
//!
//! A member passes four phases, each a method of [`worker::Worker`]. In all of them running handlers go on, their verdicts
//! are sent, and messages in flight are reported as in progress. The order of a stop loses nothing, leaves nothing until the
//! ack wait, and redelivers in the order of the stream:
//!
//! | phase | the member | sent to the broker | at most |
//! | --- | --- | --- | --- |
//! | serve | requests and handles messages; checks the consumer | requests; every verdict, again until it is confirmed or the ack wait is over | until the stop |
//! | drain | requests nothing; receives what it had requested, because async-nats drops what arrives after the unsubscribe; keeps the naks of handlers that the stop interrupts | acks and dead letters of handlers that finish | 200 ms, without handlers that run 50 ms after the last message, and only while the broker is reachable |
//! | return | unsubscribes, so that no returned message reaches this member again, and makes the broker forget its requests; takes what had arrived until then | in stream order, a nak with a delay for every message that was not begun and every nak that was kept | 1 s for the unsubscribe to reach the server, 1 s for the requests |
//! | settle | waits for the handlers that still run, and for the confirmations | their verdicts | no limit of its own while handlers run: the stop's deadline; then 3 s after the last verdict |
//!
//! At the end a listener [alone](Membership::Alone) deletes its consumer, and 1 s is left for the last bytes. If the broker is
//! away, the member says nothing, and the broker redelivers after the ack wait.
//!
//! The phases are separate because shortcuts failed: a nak before the unsubscribe came back to the member that closed, and
//! then waited for the ack wait; a member that stayed subscribed while its handlers worked kept messages that others could
//! have handled; naks in the order of completion were redelivered in that order.

mod check;
mod consumer;
mod joined;
mod list;
mod member;
mod parking;
mod pull;
mod settle;
mod unreadable;
mod verdict;
mod worker;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use service::{Error, Scope, Service, Stopping};

use self::joined::JoinedConsumer;
use self::member::Item;
use self::worker::{FLUSH_TIMEOUT, Worker};
use crate::clients::Listed;
use crate::{Bus, Delivery, Name};

pub use self::consumer::{CLIENT_ID, Consumer, DURABLE, Membership, QUEUE_GROUP, Source, Start};
pub(crate) use self::list::{ConsumerList, consumers, has_consumer};
pub(crate) use self::parking::Parking;
pub use self::verdict::{RETURN_DELAY, Verdict};

/// When a message is redelivered whose handler panicked.
const PANIC_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Passes each message to a handler, and its verdict to the broker.
///
/// It survives a lost connection, a restarted or frozen broker, and a deleted consumer or stream. While a message is in
/// flight, waiting or being handled, the broker is informed and does not redeliver it. If a handler panics, its message is
/// redelivered after 1 s. On stop it requests no more, lets running handlers finish, naks what was not begun, and waits until
/// the broker has confirmed all of it.
///
/// A message is delivered at least once: it is redelivered if its verdict did not reach the broker in time. A message that is
/// redriven for another group is acked without being handled; a listener [alone](Membership::Alone) receives everything.
#[derive(Debug)]
pub struct Subscription<F> {
    /// The connection that the messages are received on.
    pub bus: Bus,
    /// The messages, and the listeners that share them.
    pub consumer: Consumer,
    /// Called for each delivery; its verdict is passed to the broker. A handler that takes long may watch the request to
    /// stop, and nak the message.
    pub handler: F,
    /// The handlers that only wait.
    parking: Parking,
}

impl<F> Subscription<F> {
    /// A subscription whose handlers count as busy until they return.
    pub fn new(bus: Bus, consumer: Consumer, handler: F) -> Self {
        Self::with_parking(bus, consumer, handler, Parking::default())
    }

    /// A subscription whose handlers report when they only wait.
    pub(crate) fn with_parking(bus: Bus, consumer: Consumer, handler: F, parking: Parking) -> Self {
        Self { bus, consumer, handler, parking }
    }
}

impl<F, R> Service for Subscription<F>
where
    F: Fn(Arc<Delivery>, Stopping) -> R + Send + Sync + 'static,
    R: Future<Output = Verdict> + Send,
{
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { bus, consumer, handler, parking } = self;
        let group = consumer.group(&bus);
        let only_for = (consumer.membership != Membership::Alone).then_some(&group);
        let stopping = scope.stopping();
        let inbox = bus.client().new_inbox();
        let mut incoming = bus.client().subscribe(format!("{inbox}.*")).await?;
        let joined = stopping.or_stop(JoinedConsumer::join(&consumer, &bus)).await??;
        let _listed = Listed::new(&bus, joined.listening(&consumer, inbox.clone()));
        scope.ready(());

        let begin = |item| handle(&handler, item, only_for, stopping.clone());
        let mut worker = Worker::new(&bus, &group, &consumer, joined, inbox, begin, parking);
        worker.serve(&mut incoming, &stopping).await?;
        let naks = worker.drain(&mut incoming).await;
        worker.return_unhandled(incoming, naks).await;
        worker.settle().await;
        if consumer.membership == Membership::Alone && bus.is_connected() {
            worker.check.consumer.delete(&bus).await;
        }
        bus.flush(FLUSH_TIMEOUT).await;
        Ok(())
    }
}

/// Calls the handler. A message that is redriven for another group is acked without it.
async fn handle<F, R>(handler: &F, item: Item, only_for: Option<&Name>, stopping: Stopping) -> (Item, Verdict)
where
    F: Fn(Arc<Delivery>, Stopping) -> R,
    R: Future<Output = Verdict>,
{
    if only_for.is_some_and(|group| item.delivery.is_for_another(group)) {
        return (item, Verdict::Ack);
    }
    let delivery = Arc::clone(&item.delivery);
    let verdict = AssertUnwindSafe(async { handler(delivery, stopping).await }).catch_unwind().await;
    let verdict = verdict.unwrap_or_else(|_| {
        let (subject, sequence, after) = (&item.delivery.subject, item.delivery.sequence, PANIC_RETRY_AFTER);
        tracing::error!(subject, sequence, "the handler panicked, its message will be redelivered in {after:?}");
        Verdict::Nak(after)
    });
    (item, verdict)
}
