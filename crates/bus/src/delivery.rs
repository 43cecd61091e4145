//! A message, as a handler receives it.

use async_nats::jetstream::message::StreamMessage;
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use events::{Event, Subject};
use time::OffsetDateTime;

/// The header that carries the id of an event; every copy of the event has the same id.
pub const EVENT_ID: &str = "Event-Id";

/// The header of an event of an experiment, which no service has recorded. The listeners of services ack it without handling
/// it, so that experiments can share the broker of an application.
pub(crate) const EXPERIMENT: &str = "Experiment";

/// The payload of a message is not the event of its subject.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON of {subject}: {source}")]
pub struct NotAnEvent {
    /// The subject of the event that was expected.
    pub subject: Subject,
    source: serde_json::Error,
}

/// One delivery of one message. It is data only: the handler acks with its [`Verdict`](crate::Verdict).
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The subject that the message was published on.
    pub subject: String,
    /// The bytes of the message.
    pub payload: Bytes,
    /// The sequence of the message in its stream.
    pub sequence: u64,
    /// How often the message was delivered to this consumer, including this time: 1 for the first delivery. 0 if it was
    /// looked up by its sequence.
    pub attempt: u64,
    /// When the broker stored the message.
    pub published: OffsetDateTime,
    /// The headers of the message.
    pub headers: HeaderMap,
}

impl Delivery {
    /// Takes a message as JetStream delivers it: the reply subject contains its sequence. `None` if it is not from JetStream.
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

    /// A message as it was stored while it waited.
    pub fn restored(
        subject: String,
        payload: Bytes,
        sequence: u64,
        attempt: u64,
        published: OffsetDateTime,
        headers: &[(String, String)],
    ) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.as_str(), value.as_str());
        }
        Self { subject, payload, sequence, attempt, published, headers: map }
    }

    /// The headers, each with its name and one value.
    pub fn header_pairs(&self) -> Vec<(String, String)> {
        let all = self.headers.iter();
        all.flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string()))).collect()
    }

    /// The id of the event, the same for every copy of it; `None` if another program published it without one.
    pub fn event_id(&self) -> Option<&str> {
        self.headers.get(EVENT_ID).map(|id| id.as_str())
    }

    /// Whether it is an event of an experiment.
    pub fn is_experiment(&self) -> bool {
        self.headers.get(EXPERIMENT).is_some()
    }

    /// What an inbox recognises the event by: its id, or if it has none, its sequence and the time when it was stored.
    pub fn identity(&self) -> String {
        let position = || format!("{}@{}", self.sequence, self.published.unix_timestamp_nanos());
        self.event_id().map_or_else(position, str::to_owned)
    }

    /// Decodes the event.
    ///
    /// # Errors
    ///
    /// When the bytes are not the JSON of this event, with what is wrong with them.
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
