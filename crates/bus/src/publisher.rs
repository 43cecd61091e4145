//! Publishing typed events.

use std::fmt;
use std::marker::PhantomData;

use async_nats::HeaderMap;
use async_nats::header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use opentelemetry::Context;
use service::Error;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::spans::headers;
use crate::{Bus, EVENT_ID, PublishError, Published};
use events::{Direct, Event};

/// Publishes one kind of event: [`Bus::publisher`] makes it.
///
/// ```
/// use bus::{PublishError, Published, Publisher};
/// use events::ExpirationComplete;
///
/// async fn tell(publisher: Publisher<ExpirationComplete>, event: ExpirationComplete) -> Result<Published, PublishError> {
///     publisher.publish(&event).await
/// }
/// ```
///
/// Only events without a state behind them are published directly; all others are recorded in an outbox.
pub struct Publisher<E: Direct> {
    bus: Bus,
    event: PhantomData<fn(E)>, // always Send and Sync, whatever E is
}

impl<E: Direct> Publisher<E> {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus, event: PhantomData }
    }

    /// Returns when the broker has stored the event; many may be under way at once.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish(&self, event: &E) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(E::SUBJECT.as_str());
        let payload = || Ok(serde_json::to_vec(event)?.into());
        self.bus.store(subject, payload, HeaderMap::new(), &nuid::next()).await
    }
}

impl<E: Direct> Publisher<E> {
    /// Has the broker publish the event at that time, to the millisecond; at once, when the time is over. Returns when
    /// the broker has stored it.
    ///
    /// It is stored under what the event tells about: another one about the same takes its place. It outlives us and a
    /// restart of the broker, and is published once; its [id](EVENT_ID) is always the same, and it goes on with the
    /// trace that this task belongs to.
    /// (A message schedule of nats-server 2.12, ADR-51.)
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish_at(&self, event: &E, when: OffsetDateTime) -> Result<Published, PublishError> {
        let utc = when.checked_to_offset(UtcOffset::UTC).filter(|utc| utc.year() < NO_LATER_THAN);
        let when = utc.and_then(|utc| utc.format(&Rfc3339).ok()).ok_or(PublishError::Time(when))?;
        let subject = scheduled(event);
        let step = self.bus.sending("schedule", E::SUBJECT.as_str(), &subject, Context::current());
        let mut headers = headers(&step);
        headers.insert(NATS_SCHEDULE, format!("@at {when}"));
        headers.insert(NATS_SCHEDULE_TARGET, E::SUBJECT.as_str());
        headers.insert(EVENT_ID, subject.as_str());
        let payload = || Ok(serde_json::to_vec(event)?.into());
        let id = format!("{subject}@{when}");
        self.bus.store(subject.into(), payload, headers, &id).await.inspect_err(|error| step.fail(error))
    }

    /// Has the broker forget what it was to publish later about the same.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm it.
    pub async fn withdraw(&self, event: &E) -> Result<(), Error> {
        let stream = self.bus.jetstream().get_stream_no_info(self.bus.cluster_id().as_str()).await?;
        stream.purge().filter(scheduled(event)).await?;
        Ok(())
    }
}

/// An event that was recorded in an outbox.
#[derive(Clone, Debug)]
pub struct RecordedEvent<'a> {
    /// The subject that the event is published on.
    pub subject: &'a str,
    /// The event as JSON.
    pub payload: &'a str,
    /// The id of the event; every copy of it carries the same.
    pub event_id: &'a str,
    /// The step of a trace that recorded the event.
    pub recorded_in: Context,
}

impl Bus {
    /// Publishes a recorded event, as the step after the one that recorded it.
    ///
    /// The broker stores one message for a `message_id` within its duplicate window of two minutes.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish_recorded(
        &self,
        event: RecordedEvent<'_>,
        message_id: &str,
    ) -> Result<Published, PublishError> {
        let RecordedEvent { subject, payload, event_id, recorded_in } = event;
        let step = self.sending("send", subject, event_id, recorded_in);
        let mut headers = headers(&step);
        headers.insert(EVENT_ID, event_id);
        let payload = || Ok(payload.to_owned().into());
        self.store(subject.into(), payload, headers, message_id).await.inspect_err(|error| step.fail(error))
    }
}

/// The server counts in nanoseconds, which end in 2262; what is later is published at once.
const NO_LATER_THAN: i32 = 2262;

/// Where an event waits for its time.
fn scheduled<E: Event>(event: &E) -> String {
    format!("schedule.{}.{}", E::SUBJECT.dashed(), event.aggregate().id)
}

// Written out, since a derive would demand `E: Clone`.
impl<E: Direct> Clone for Publisher<E> {
    fn clone(&self) -> Self {
        Self { bus: self.bus.clone(), event: PhantomData }
    }
}

impl<E: Direct> fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&E::SUBJECT).finish()
    }
}
