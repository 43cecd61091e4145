//! A dead letter, as it is read from its stream.

use std::fmt;
use std::str::FromStr;

use async_nats::HeaderMap;
use bytes::Bytes;
use time::OffsetDateTime;

use super::FailedAttempt;
use super::headers::{
    DELIVERIES, FAILURES, GROUP, HISTORY, ORIGINAL_ID, PREFIX, REASON, SEQUENCE, SUBJECT, WHOLE_SIZE, copy,
};
use crate::{Delivery, EVENT_ID};

/// A message that a queue group could not handle, with the reason.
///
/// It is stored in a stream of its own (`<cluster id>-dead-letters`), under `dead-letter.<group>.<subject>`, with the bytes
/// and headers of the message.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The sequence in the stream of dead letters; never used again for another one.
    pub number: u64,
    /// When the message became a dead letter.
    pub since: OffsetDateTime,
    /// The queue group that could not handle the message, or the client id of a listener without a group.
    pub group: String,
    /// The subject that the message was published on.
    pub subject: String,
    /// The id of the event, by which its group recognises it.
    pub event_id: String,
    /// The sequence in the stream of events.
    pub sequence: u64,
    /// How often the broker delivered the message to the group, also when it only waited for an earlier event.
    pub deliveries: u64,
    /// How often handling the message failed and was counted for the [limit](crate::Limits::attempts). 0 if the message was
    /// rejected otherwise: it is not JSON, the listener discards it, an earlier event did not arrive.
    pub failures: u64,
    /// Why the message could not be handled; of a long text the first 500 characters.
    pub reason: String,
    /// The last failed attempts, the latest one last.
    pub history: Vec<FailedAttempt>,
    /// The headers of the message, without its id and those that the broker adds.
    pub headers: HeaderMap,
    /// The bytes of the message; the first 1000 if it is too large to be stored with these headers.
    pub payload: Bytes,
    /// How many bytes the message has.
    pub whole_size: u64,
}

impl DeadLetter {
    /// Reads a message of the dead-letter stream; `None` if it is not a dead letter.
    pub fn read(delivery: &Delivery) -> Option<Self> {
        let text = |name| delivery.headers.get(name).map(|value| value.as_str().to_owned());
        let number = |name| u64::from_str(&text(name)?).ok();
        let mut headers = HeaderMap::new();
        copy(&delivery.headers, &mut headers, |name| !name.starts_with(PREFIX));
        let history: Vec<_> = text(HISTORY).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        Some(Self {
            number: delivery.sequence,
            since: delivery.published,
            // Older programs stored no id for an event that had none; the letter's own id identifies it too.
            event_id: text(ORIGINAL_ID).or_else(|| text(EVENT_ID))?,
            headers,
            group: text(GROUP)?,
            subject: text(SUBJECT)?,
            sequence: number(SEQUENCE)?,
            deliveries: number(DELIVERIES)?,
            failures: number(FAILURES).unwrap_or(history.len() as u64), // older programs stored the history only
            reason: text(REASON)?,
            history,
            payload: delivery.payload.clone(),
            whole_size: number(WHOLE_SIZE).unwrap_or(delivery.payload.len() as u64),
        })
    }
}

impl fmt::Display for DeadLetter {
    /// One line, with unprintable bytes escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, group, subject, sequence, deliveries, reason, payload, whole_size, .. } = self;
        let bytes = payload.escape_ascii();
        write!(f, "#{number} {subject} #{sequence} of {group}, delivery {deliveries}: {reason}: \"{bytes}\"")?;
        if *whole_size > payload.len() as u64 { write!(f, " and so on, {whole_size} bytes") } else { Ok(()) }
    }
}
