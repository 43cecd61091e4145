//! A message as a handler sees it.

use async_nats::jetstream::message::StreamMessage;
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use time::OffsetDateTime;

use events::{Event, Subject};

/// The header that carries the id of an event; every copy of the event has the same id.
pub const EVENT_ID: &str = "Event-Id";

/// Bytes that are not the event of their subject.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON of {subject}: {source}")]
pub struct NotAnEvent {
    /// Which event was expected.
    pub subject: Subject,
    source: serde_json::Error,
}

/// One delivery of one message. Data only: what the broker is told is the handler's [`Verdict`](crate::Verdict).
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it was published.
    pub subject: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Its place in the stream.
    pub sequence: u64,
    /// How often it was delivered to this consumer, this time included; 1 is the first. 0 when it was looked up by its
    /// place.
    pub attempt: u64,
    /// When the broker stored it.
    pub published: OffsetDateTime,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Delivery {
    /// Takes a message as JetStream delivers it: its place stands in the subject for the reply.
    pub(crate) fn of(delivered: &mut jetstream::Message) -> Option<Self> {
        let info = delivered.info().ok()?;
        let (sequence, published) = (info.stream_sequence, info.published);
        let attempt = u64::try_from(info.delivered).ok()?;
        let message = &mut delivered.message;
        Some(Self {
            subject: message.subject.to_string(),
            payload: std::mem::take(&mut message.payload),
            sequence,
            attempt,
            published,
            headers: message.headers.take().unwrap_or_default(),
        })
    }

    /// The id of the event, the same for every copy of it; nothing when it was published by other means than ours.
    pub fn event_id(&self) -> Option<&str> {
        self.headers.get(EVENT_ID).map(|id| id.as_str())
    }

    /// What an inbox knows the event by: its id, or of one that was published by other means than ours, its place in the
    /// stream of that time.
    pub fn identity(&self) -> String {
        let place = || format!("{}@{}", self.sequence, self.published.unix_timestamp_nanos());
        self.event_id().map_or_else(place, str::to_owned)
    }

    /// The event that its bytes are.
    ///
    /// # Errors
    ///
    /// When they are not the JSON of such a one, with what is wrong with it.
    pub fn event<E: Event>(&self) -> Result<E, NotAnEvent> {
        serde_json::from_slice(&self.payload).map_err(|source| NotAnEvent { subject: E::SUBJECT, source })
    }
}

impl From<StreamMessage> for Delivery {
    fn from(message: StreamMessage) -> Self {
        let StreamMessage { subject, sequence, headers, payload, time: published } = message;
        Self { subject: subject.to_string(), payload, sequence, attempt: 0, published, headers }
    }
}
