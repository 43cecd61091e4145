//! The service that runs a listener.

use std::any::type_name;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use events::Event;
use futures_util::{StreamExt, stream};
use service::{Error, Scope, Service};
use tokio::sync::oneshot;

use super::adapter::Adapter;
use super::{Effects, Lanes, Limits, Listener, WaitingRoom};
use crate::{Bus, Consumer, Delivery, Membership, Name, Source, Start, Subscription};

/// How long the broker waits for an ack before it redelivers an event, as in the course. While an event is being handled,
/// this member reports that to the broker.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many events of a group may be unacknowledged. Many, since events that are retried later count too, and must not
/// block the others; [`BATCH`] and [`Limits::concurrency`] bound how many are fetched and handled.
const MAX_IN_FLIGHT: u32 = 100_000;

/// How many events one request fetches.
const BATCH: usize = 64;

/// How many stored events are on their way to their turn.
const MAX_RETURNING: usize = 64;

/// Runs a [`Listener`] on the events of its subject, from the first one in the stream.
///
/// The broker keeps the position under the queue group and the subject, so a listener that is added later sees the
/// history, and one that waits does not block the others. It is ready when it has subscribed.
#[derive(Debug)]
pub struct Listen<L: Listener> {
    /// The store of the effects.
    pub effects: L::Effects,
    /// The connection that the events are received on.
    pub bus: Bus,
    /// The listener that handles the events.
    pub listener: L,
    /// How much the listener handles concurrently, and how often and for how long it tries.
    pub limits: Limits,
    /// The lanes of the records, shared with the listeners that change the same ones.
    pub lanes: Lanes,
}

impl<L: Listener> Listen<L> {
    /// A listener with the default limits, and lanes of its own.
    pub fn new(effects: &L::Effects, bus: &Bus, listener: L) -> Self {
        let (limits, lanes) = (Limits::default(), Lanes::default());
        Self { effects: effects.clone(), bus: bus.clone(), listener, limits, lanes }
    }
}

impl<L: Listener> Service for Listen<L> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { effects, bus, listener, limits, lanes } = self;
        let subject = L::Event::SUBJECT;
        let group: Name =
            L::QUEUE_GROUP.parse().with_context(|| format!("invalid queue group of {}", type_name::<L>()))?;
        let _claim = bus.claims().claim(group.clone(), subject, type_name::<L>())?;
        let stopping = scope.stopping();
        stopping.or_stop(effects.open(L::QUEUE_GROUP)).await??;
        let consumer = Consumer {
            source: Source::Events(subject),
            membership: Membership::DurableGroup { durable: group.clone(), group: group.clone() },
            start: Start::All,
            ack_wait: ACK_WAIT,
            max_in_flight: MAX_IN_FLIGHT,
            batch: BATCH,
            concurrency: limits.concurrency,
        };
        let adapter = Arc::new(Adapter::new(&bus, group, &effects, listener, limits, lanes));
        let (handling, parking) = (Arc::clone(&adapter), adapter.parking.clone());
        let handler = move |delivery: Arc<Delivery>, stopping| {
            let adapter = Arc::clone(&handling);
            async move { adapter.handle(&delivery, &stopping).await }
        };
        let subscription = Subscription::with_parking(bus.clone(), consumer, handler, parking);

        // Ends when the subscription does, and finishes what it has begun.
        let (ended, is_ended) = oneshot::channel::<()>();
        let subscribed = async move {
            let result = subscription.run(scope).await;
            drop(ended);
            result
        };
        let mut returning = effects.returning(L::QUEUE_GROUP, subject);
        let returned = stream::poll_fn(move |context| returning.poll_recv(context)).take_until(is_ended);
        let returned = returned.for_each_concurrent(MAX_RETURNING, |waiting| adapter.handle_stored(waiting, &stopping));
        let alongside = async {
            tokio::select! {
                () = returned => {}
                never = effects.serve(&bus, limits.wait) => match never {},
            }
        };
        let mut alongside = pin!(alongside);
        tokio::join!(subscribed, &mut alongside).0
    }
}
