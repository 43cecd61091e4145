//! What happens to an event: its turn, the attempt to handle it, and the verdict.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use events::{Event, RecordKey};
use futures_util::FutureExt;
use service::{Error, Stopping};
use telemetry::Trace;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout};

use super::lanes::{Place, Turn};
use super::{Awaited, Effects, Keeping, Lanes, Limits, Listener, Rejection, Settled, WaitingEvent, WaitingRoom};
use crate::crash::point;
use crate::subscription::Parking;
use crate::{Bus, DeadLetter, Delivery, Name, RETURN_DELAY, Verdict};

/// How many events may wait in the process; beyond that they are stored at once.
const MAX_PARKED: usize = 1000;

/// How many stored events are handled concurrently: less than new ones, which must not wait for them.
const STORED_CONCURRENCY: usize = 4;

/// The pause after the first failure of an event; it doubles with each further failure.
const FIRST_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The pause of an event that waits at the broker; it doubles with each delivery.
const FIRST_RECHECK_AFTER: Duration = Duration::from_millis(50);
const MAX_RECHECK_AFTER: Duration = Duration::from_secs(5);

/// The longest pause of an event that came before its time: the clock may be set right meanwhile.
const MAX_EARLY_PAUSE: Duration = Duration::from_secs(60);

/// How long a stored event waits for the broker to confirm its dead letter, before it makes room for others.
const DEAD_LETTER_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause while the store or the broker is away.
const OUTAGE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A listener with what it needs to handle events.
pub(super) struct Adapter<L: Listener> {
    bus: Bus,
    group: Name,
    effects: L::Effects,
    listener: Arc<L>,
    limits: Limits,
    lanes: Lanes,
    /// The handlers of new events that only wait.
    pub(super) parking: Parking,
    new: Semaphore,
    stored: Semaphore,
}

/// The right to handle an event now.
type Admission<'a> = (Turn, SemaphorePermit<'a>);

/// An event with what is known of it.
struct Arrived<'a, E> {
    event: Arc<E>,
    delivery: &'a Delivery,
    /// What failures and waiting are noted under: a redriven event begins again.
    key: String,
    record: RecordKey,
    place: Place,
}

impl<L: Listener> Adapter<L> {
    pub(super) fn new(bus: &Bus, group: Name, effects: &L::Effects, listener: L, limits: Limits, lanes: Lanes) -> Self {
        let (bus, effects, listener, parking) = (bus.clone(), effects.clone(), Arc::new(listener), Parking::default());
        let (new, stored) = (Semaphore::new(limits.concurrency), Semaphore::new(STORED_CONCURRENCY));
        Self { bus, group, effects, listener, limits, lanes, parking, new, stored }
    }

    /// Handles a new event.
    pub(super) async fn handle(&self, delivery: &Delivery, stopping: &Stopping) -> Verdict {
        let verdict = self.bus.handling(L::QUEUE_GROUP, delivery, self.verdict(delivery, stopping)).await;
        self.log(delivery, &verdict);
        verdict
    }

    /// Handles an event that was stored while it waited, unless the process stops before its turn.
    pub(super) async fn handle_stored(&self, waiting: WaitingEvent, stopping: &Stopping) {
        let delivery = &waiting.delivery;
        let mut awaited = None;
        let work = async {
            match self.stored_verdict(&waiting, stopping).await {
                Ok(verdict) => verdict,
                Err(still) => {
                    awaited = Some(still);
                    Verdict::Leave
                }
            }
        };
        let verdict = self.bus.handling(L::QUEUE_GROUP, delivery, work).await;
        self.log(delivery, &verdict);
        let settled = match (verdict, awaited) {
            (Verdict::Leave, Some(awaited)) => Settled::Waits(awaited),
            (Verdict::Leave, None) => return,
            (Verdict::Ack, _) => Settled::Done,
            (Verdict::Nak(pause), _) => Settled::Later(pause),
            (Verdict::DeadLetter { reason, failures }, _) => {
                let stored = DeadLetter::store(&self.bus, &self.group, delivery, &reason, &failures);
                let error = match stopping.or(timeout(DEAD_LETTER_TIMEOUT, stored)).await {
                    None => return, // the row stays, and what was stored of the letter is recognised
                    Some(Ok(Ok(()))) => None,
                    Some(Ok(Err(error))) => Some(error.to_string()),
                    Some(Err(_)) => Some(format!("the broker did not confirm it within {DEAD_LETTER_TIMEOUT:?}")),
                };
                if let Some(error) = &error {
                    let (group, event_id) = (L::QUEUE_GROUP, &waiting.id);
                    tracing::warn!(group, event_id, "failed to store the dead letter: {error}");
                }
                error.map_or(Settled::Done, |_| Settled::Later(OUTAGE_RETRY_AFTER))
            }
        };
        point("waiting-before-settled");
        if let Err(error) = self.effects.settle(&waiting, settled).await {
            // It is found again, and the inbox recognises it.
            tracing::warn!(
                group = L::QUEUE_GROUP,
                event_id = waiting.id,
                "failed to remove an event that waited: {error:#}"
            );
        }
    }

    fn log(&self, delivery: &Delivery, verdict: &Verdict) {
        if let Verdict::DeadLetter { reason, .. } = verdict {
            let (group, subject, sequence) = (L::QUEUE_GROUP, &delivery.subject, delivery.sequence);
            let event_id = delivery.identity();
            tracing::error!(group, subject, sequence, event_id, "event moved to the dead letters: {reason}");
        }
    }

    async fn verdict(&self, delivery: &Delivery, stopping: &Stopping) -> Verdict {
        if delivery.is_experiment() {
            return Verdict::Ack;
        }
        point("listener-received");
        let arrived = match self.arrived(delivery) {
            Ok(arrived) => arrived,
            Err(verdict) => return verdict,
        };
        // An event whose record is busy waits in the lane, if there is room.
        if L::Effects::IN_PROCESS.is_some() && self.is_full() && self.lanes.is_taken(arrived.record) {
            // The first event of a record follows no other.
            if let Some(version) = arrived.place.version.checked_sub(1) {
                let before = Awaited { record: arrived.record, version };
                return self.keep(&arrived, before, Duration::ZERO).await;
            }
        }
        let mut waiting = None;
        loop {
            let admitted = stopping.or(self.admitted(&arrived, &self.new, &self.parking)).await.flatten();
            let Some(admission) = admitted else { return Verdict::Nak(RETURN_DELAY) };
            let awaited = match self.attempt(&arrived).await {
                Ok(verdict) => return verdict,
                Err(awaited) => awaited,
            };
            drop(admission);
            let Awaited { record, version } = awaited;
            tracing::debug!(group = L::QUEUE_GROUP, event_id = arrived.key, %record, version, "event waits");
            let began = *waiting.get_or_insert_with(Instant::now);
            let until = L::Effects::IN_PROCESS.map(|time| began + time.min(self.limits.wait));
            let Some(until) = until.filter(|until| *until > Instant::now() && !self.is_full()) else {
                return if L::Effects::IN_PROCESS.is_some() && began.elapsed() >= self.limits.wait {
                    self.waited_too_long(awaited)
                } else {
                    self.keep(&arrived, awaited, began.elapsed()).await
                };
            };
            let _parked = self.parking.park();
            tokio::select! {
                () = self.effects.reached(awaited) => {}
                () = sleep_until(until) => {}
                () = stopping.asked() => return Verdict::Nak(RETURN_DELAY),
            }
        }
    }

    /// What became of a stored event, or what it waits for. `Leave` if the process stops.
    async fn stored_verdict(&self, waiting: &WaitingEvent, stopping: &Stopping) -> Result<Verdict, Awaited> {
        let arrived = match self.arrived(&waiting.delivery) {
            Ok(arrived) => arrived,
            Err(verdict) => return Ok(verdict),
        };
        // Nothing is requested from the broker because of it.
        let parking = Parking::default();
        let admitted = stopping.or(self.admitted(&arrived, &self.stored, &parking)).await.flatten();
        let Some(_admission) = admitted else { return Ok(Verdict::Leave) };
        match self.attempt(&arrived).await {
            Err(awaited) if waiting.waited >= self.limits.wait => Ok(self.waited_too_long(awaited)),
            attempted => attempted,
        }
    }

    fn arrived<'a>(&self, delivery: &'a Delivery) -> Result<Arrived<'a, L::Event>, Verdict> {
        let event: L::Event = delivery.event().map_err(|error| Verdict::dead_letter(error.to_string()))?;
        let (about, record) = (event.aggregate(), L::record(&event));
        let version = about.version.filter(|_| about.record() == record).unwrap_or_default();
        let place = Place { version, sequence: delivery.sequence };
        Ok(Arrived { event: Arc::new(event), delivery, key: attempts_key(delivery), record, place })
    }

    fn is_full(&self) -> bool {
        self.parking.count() >= MAX_PARKED
    }

    /// Waits for the turn of the event's record, and then for one of the permits.
    async fn admitted<'a>(
        &self,
        arrived: &Arrived<'_, L::Event>,
        permits: &'a Semaphore,
        parking: &Parking,
    ) -> Option<Admission<'a>> {
        let turn = match self.lanes.turn(arrived.record, arrived.place) {
            Ok(turn) => turn,
            Err(receiver) => {
                let _parked = parking.park();
                receiver.await.ok()?
            }
        };
        Some((turn, permits.acquire().await.ok()?))
    }

    /// Tries to handle the event once; the error is what it waits for.
    async fn attempt(&self, arrived: &Arrived<'_, L::Event>) -> Result<Verdict, Awaited> {
        let Arrived { event, delivery, key, .. } = arrived;
        let id = delivery.identity();
        let applied = self.effects.apply(Arc::clone(&self.listener), id.clone(), Arc::clone(event));
        let error = match AssertUnwindSafe(applied).catch_unwind().await {
            Ok(Ok(())) => {
                point("listener-before-ack");
                return Ok(Verdict::Ack);
            }
            Ok(Err(Rejection::NotYet(awaited))) => return Err(awaited),
            Ok(Err(Rejection::NotBefore(time))) => return Ok(Verdict::Nak(pause_until(time))),
            Ok(Err(Rejection::Discard(error))) => return Ok(Verdict::dead_letter(format!("{error:#}"))),
            Ok(Err(Rejection::Retry(error))) => error,
            Err(panic) => anyhow!("the listener panicked: {}", panic_text(&*panic)),
        };
        if let Some(step) = Trace::current() {
            step.fail(&format_args!("{error:#}"));
        }
        // An outage of the store is not a failure of the event.
        let verdict = if self.effects.is_outage(&error) { Err(error) } else { self.failed(key, &error).await };
        Ok(verdict.unwrap_or_else(|error| outage::<L>(&id, &error)))
    }

    async fn failed(&self, key: &str, error: &Error) -> Result<Verdict, Error> {
        let error = format!("{error:#}");
        let failures = self.effects.failed(L::QUEUE_GROUP, key, &error).await?;
        if failures.count < self.limits.attempts {
            let pause = backoff(FIRST_RETRY_AFTER, failures.count.into(), MAX_RETRY_AFTER);
            let (group, failures) = (L::QUEUE_GROUP, failures.count);
            tracing::warn!(
                group,
                event_id = key,
                failures,
                "event not handled, will be redelivered in {pause:.1?}: {error}"
            );
            return Ok(Verdict::Nak(pause));
        }
        let reason = format!("failed {} times, the last time: {error}", failures.count);
        Ok(Verdict::DeadLetter { reason, failures })
    }

    /// Stores an event that waits, so that the broker need not keep it; without a store it returns to the broker.
    async fn keep(&self, arrived: &Arrived<'_, L::Event>, awaited: Awaited, waited: Duration) -> Verdict {
        let Arrived { delivery, key, .. } = arrived;
        let group = L::QUEUE_GROUP.to_owned();
        let waiting = WaitingEvent { group, id: key.clone(), delivery: (*delivery).clone(), awaited, waited };
        match self.effects.keep(&waiting).await {
            Ok(Keeping::Stored) => {
                point("waiting-stored");
                Verdict::Ack
            }
            Ok(Keeping::Returned(waited)) if waited >= self.limits.wait => self.waited_too_long(awaited),
            Ok(Keeping::Returned(_)) => Verdict::Nak(backoff(FIRST_RECHECK_AFTER, delivery.attempt, MAX_RECHECK_AFTER)),
            Err(error) => outage::<L>(key, &error),
        }
    }

    fn waited_too_long(&self, Awaited { record, version }: Awaited) -> Verdict {
        Verdict::dead_letter(format!("version {version} of {record} did not arrive within {:?}", self.limits.wait))
    }
}

fn outage<L: Listener>(event_id: &str, error: &Error) -> Verdict {
    let pause = OUTAGE_RETRY_AFTER;
    tracing::warn!(group = L::QUEUE_GROUP, event_id, "event not handled, will be redelivered in {pause:?}: {error:#}");
    Verdict::Nak(pause)
}

/// The pause until a time, by the clock of this process; above zero, since it may be over by now.
fn pause_until(time: OffsetDateTime) -> Duration {
    let pause = Duration::try_from(time - OffsetDateTime::now_utc()).unwrap_or_default();
    pause.clamp(Duration::from_millis(1), MAX_EARLY_PAUSE)
}

/// The pause after the nth attempt: doubled with each attempt after the first, and jittered.
fn backoff(first: Duration, attempt: u64, max: Duration) -> Duration {
    let doubled = 2_f64.powi(attempt.saturating_sub(1).min(30).try_into().unwrap_or(30));
    first.mul_f64(doubled).min(max).mul_f64(rand::random_range(0.75..1.25))
}

/// The key that an event's failed attempts are counted under: a redriven event starts at 0.
fn attempts_key(delivery: &Delivery) -> String {
    let id = delivery.identity();
    match delivery.redrive_of() {
        Some(number) => format!("{id}/redrive-{number}"),
        None => id,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("non-string panic payload")
}
