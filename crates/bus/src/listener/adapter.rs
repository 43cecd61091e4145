//! The adapter that runs every listener, with one policy of retries, limits and dead letters.

use std::any::type_name;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use events::Event;
use futures_util::FutureExt;
use service::{Error, Scope, Service};
use telemetry::Trace;

use super::{Effects, Limits, Listener, Rejection};
use crate::crash::point;
use crate::{Bus, Consumer, Delivery, Membership, Name, Source, Start, Subscription, Verdict};

/// How long the broker waits for an ack before it redelivers an event, as in the course. While an event is being handled,
/// this member reports that to the broker.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many events of a group may be unacknowledged. Many, since events that wait or are retried later count too, and must
/// not block the others; [`BATCH`] and [`Limits::concurrency`] bound how many are fetched and handled.
const MAX_IN_FLIGHT: u32 = 100_000;

/// How many events one request fetches.
const BATCH: usize = 64;

/// The pause after the first failure of an event; it doubles with each further failure.
const FIRST_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The pause of an event that waits for another; it doubles with each delivery.
const FIRST_RECHECK_AFTER: Duration = Duration::from_millis(50);
const MAX_RECHECK_AFTER: Duration = Duration::from_secs(5);

/// The pause while the store or the broker is away.
const OUTAGE_RETRY_AFTER: Duration = Duration::from_secs(1);

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
}

impl<L: Listener> Listen<L> {
    /// A listener with the default limits.
    pub fn new(effects: &L::Effects, bus: &Bus, listener: L) -> Self {
        Self { effects: effects.clone(), bus: bus.clone(), listener, limits: Limits::default() }
    }
}

impl<L: Listener> Service for Listen<L> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { effects, bus, listener, limits } = self;
        let subject = L::Event::SUBJECT;
        let group: Name =
            L::QUEUE_GROUP.parse().with_context(|| format!("invalid queue group of {}", type_name::<L>()))?;
        let _claim = bus.claims().claim(group.clone(), subject, type_name::<L>())?;
        scope.stopping().or_stop(effects.open(L::QUEUE_GROUP)).await??;
        let consumer = Consumer {
            source: Source::Events(subject),
            membership: Membership::DurableGroup { durable: group.clone(), group },
            start: Start::All,
            ack_wait: ACK_WAIT,
            max_in_flight: MAX_IN_FLIGHT,
            batch: BATCH,
            concurrency: limits.concurrency,
        };
        let adapter = Arc::new(Adapter { effects, listener: Arc::new(listener), limits });
        let spans = bus.clone();
        let handler = move |delivery: Arc<Delivery>, _| {
            let (adapter, spans) = (Arc::clone(&adapter), spans.clone());
            async move { spans.handling(L::QUEUE_GROUP, &delivery, adapter.handle(&delivery)).await }
        };
        Subscription { bus, consumer, handler }.run(scope).await
    }
}

struct Adapter<L: Listener> {
    effects: L::Effects,
    listener: Arc<L>,
    limits: Limits,
}

impl<L: Listener> Adapter<L> {
    async fn handle(&self, delivery: &Delivery) -> Verdict {
        let verdict = self.verdict(delivery).await;
        if let Verdict::DeadLetter { reason, .. } = &verdict {
            let (group, subject, sequence) = (L::QUEUE_GROUP, &delivery.subject, delivery.sequence);
            let event_id = delivery.identity();
            tracing::error!(group, subject, sequence, event_id, "event moved to the dead letters: {reason}");
        }
        verdict
    }

    async fn verdict(&self, delivery: &Delivery) -> Verdict {
        point("listener-received");
        let event: L::Event = match delivery.event() {
            Ok(event) => event,
            Err(error) => return Verdict::dead_letter(error.to_string()),
        };
        let id = delivery.identity();
        let applied = self.effects.apply(Arc::clone(&self.listener), id.clone(), event);
        let rejection = match AssertUnwindSafe(applied).catch_unwind().await {
            Ok(Ok(())) => {
                point("listener-before-ack");
                return Verdict::Ack;
            }
            Ok(Err(rejection)) => rejection,
            Err(panic) => Rejection::Retry(anyhow!("the listener panicked: {}", panic_text(&*panic))),
        };
        if let (Rejection::Retry(error), Some(step)) = (&rejection, Trace::current()) {
            step.fail(&format_args!("{error:#}"));
        }
        let verdict = match rejection {
            // An outage of the store is not a failure of the event.
            Rejection::Retry(error) if self.effects.is_outage(&error) => Err(error),
            Rejection::Retry(error) => self.retry(&attempts_key(id.clone(), delivery), format!("{error:#}")).await,
            Rejection::NotYet => self.wait(&attempts_key(id.clone(), delivery), delivery.attempt).await,
            Rejection::Discard(error) => Ok(Verdict::dead_letter(format!("{error:#}"))),
        };
        verdict.unwrap_or_else(|error| {
            let pause = OUTAGE_RETRY_AFTER;
            tracing::warn!(
                group = L::QUEUE_GROUP,
                event_id = id,
                "event not handled, will be redelivered in {pause:?}: {error:#}"
            );
            Verdict::Nak(pause)
        })
    }

    async fn retry(&self, id: &str, error: String) -> Result<Verdict, Error> {
        let failures = self.effects.failed(L::QUEUE_GROUP, id, &error).await?;
        if failures.count < self.limits.attempts {
            let pause = backoff(FIRST_RETRY_AFTER, failures.count.into(), MAX_RETRY_AFTER);
            let (group, failures) = (L::QUEUE_GROUP, failures.count);
            tracing::warn!(
                group,
                event_id = id,
                failures,
                "event not handled, will be redelivered in {pause:.1?}: {error}"
            );
            return Ok(Verdict::Nak(pause));
        }
        let reason = format!("failed {} times, the last time: {error}", failures.count);
        Ok(Verdict::DeadLetter { reason, failures })
    }

    async fn wait(&self, id: &str, deliveries: u64) -> Result<Verdict, Error> {
        let waited = self.effects.waits(L::QUEUE_GROUP, id).await?;
        if waited < self.limits.wait {
            return Ok(Verdict::Nak(backoff(FIRST_RECHECK_AFTER, deliveries, MAX_RECHECK_AFTER)));
        }
        Ok(Verdict::dead_letter(format!("an earlier event did not arrive within {:?}", self.limits.wait)))
    }
}

/// The pause after the nth attempt: doubled with each attempt after the first, and jittered.
fn backoff(first: Duration, attempt: u64, max: Duration) -> Duration {
    let doubled = 2_f64.powi(attempt.saturating_sub(1).min(30).try_into().unwrap_or(30));
    first.mul_f64(doubled).min(max).mul_f64(rand::random_range(0.75..1.25))
}

/// The key that an event's failed attempts are counted under: a redriven event starts at 0.
fn attempts_key(id: String, delivery: &Delivery) -> String {
    match delivery.redrive_of() {
        Some(number) => format!("{id}/redrive-{number}"),
        None => id,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("non-string panic payload")
}
