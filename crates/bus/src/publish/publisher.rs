//! Publishing typed events.

use std::fmt;
use std::marker::PhantomData;

use async_nats::HeaderMap;
use async_nats::header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use events::{Direct, Event};
use opentelemetry::Context;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::spans::headers;
use crate::{Bus, EVENT_ID, Error, PublishError, Published};

/// The server counts time in nanoseconds, which end in this year; an event for a later time is published immediately.
const FIRST_YEAR_OUT_OF_RANGE: i32 = 2262;

/// Publishes one kind of event: [`Bus::publisher`] creates it.
///
/// ```
/// use bus::{PublishError, Published, Publisher};
/// use events::ExpirationComplete;
///
/// async fn expire(
///     publisher: Publisher<ExpirationComplete>,
///     event: ExpirationComplete,
/// ) -> Result<Published, PublishError> {
///     publisher.publish(&event).await
/// }
/// ```
///
/// Only events without a database record behind them are published directly; all others are recorded in an outbox.
pub struct Publisher<E: Direct> {
    bus: Bus,
    event: PhantomData<fn(E)>, // Send and Sync for every E
}

impl Bus {
    /// The right to publish one kind of event directly.
    pub fn publisher<E: Direct>(&self) -> Publisher<E> {
        Publisher { bus: self.clone(), event: PhantomData }
    }
}

impl<E: Direct> Publisher<E> {
    /// Publishes the event, and returns when the broker has stored it. Many calls may run concurrently.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish(&self, event: &E) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(E::SUBJECT.as_str());
        let payload = || Ok(serde_json::to_vec(event)?.into());
        self.bus.store(subject, payload, HeaderMap::new(), &nuid::next()).await
    }

    /// Schedules the event: the broker publishes it at that time, to the millisecond, or immediately if the time is past.
    /// Returns when the broker has stored the schedule.
    ///
    /// The schedule is stored under the event's aggregate, and replaces an earlier one of the same aggregate. It outlives
    /// this process and a restart of the broker. The event is published once; its [id](EVENT_ID) is always the same, and it
    /// continues the trace of the current task. (A message schedule of nats-server 2.12, ADR-51.)
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish_at(&self, event: &E, when: OffsetDateTime) -> Result<Published, PublishError> {
        let utc = when.checked_to_offset(UtcOffset::UTC).filter(|utc| utc.year() < FIRST_YEAR_OUT_OF_RANGE);
        let when = utc.and_then(|utc| utc.format(&Rfc3339).ok()).ok_or(PublishError::Time(when))?;
        let subject = schedule_subject(event);
        let step = self.bus.sending("schedule", E::SUBJECT.as_str(), &subject, Context::current());
        let mut headers = headers(&step);
        headers.insert(NATS_SCHEDULE, format!("@at {when}"));
        headers.insert(NATS_SCHEDULE_TARGET, E::SUBJECT.as_str());
        headers.insert(EVENT_ID, subject.as_str());
        let payload = || Ok(serde_json::to_vec(event)?.into());
        let id = format!("{subject}@{when}");
        self.bus.store(subject.into(), payload, headers, &id).await.inspect_err(|error| step.fail(error))
    }

    /// Withdraws the schedule of this event's aggregate, if there is one.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm it.
    pub async fn withdraw(&self, event: &E) -> Result<(), Error> {
        let failed =
            |error: async_nats::Error| Error::request(format!("withdraw the schedule of {}", E::SUBJECT), error);
        let stream = self.bus.jetstream().get_stream_no_info(self.bus.cluster_id().as_str()).await;
        let stream = stream.map_err(|error| failed(error.into()))?;
        stream.purge().filter(schedule_subject(event)).await.map_err(|error| failed(error.into()))?;
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

/// The subject that stores the schedule of this event's aggregate.
fn schedule_subject<E: Event>(event: &E) -> String {
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
