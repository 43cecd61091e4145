//! Messages that a queue group could not handle.

mod redrive;

use std::fmt;
use std::str::FromStr;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use self::redrive::REDRIVE_GROUP;
use crate::streams::DEAD_LETTER;
use crate::{Bus, Delivery, EVENT_ID, Name, PublishError};

pub use self::redrive::NotRedriven;

/// What our headers begin with.
const PREFIX: &str = "Dead-Letter-";
const GROUP: &str = "Dead-Letter-Group";
const SUBJECT: &str = "Dead-Letter-Subject";
const SEQUENCE: &str = "Dead-Letter-Sequence";
const ATTEMPTS: &str = "Dead-Letter-Attempts";
const REASON: &str = "Dead-Letter-Reason";
const HISTORY: &str = "Dead-Letter-History";
const WHOLE_SIZE: &str = "Dead-Letter-Whole-Size";

/// How much is kept of a message that is too large to be kept with its history, in bytes.
const BEGINNING: usize = 1000;
/// How much is kept of an error's text, in characters.
const LONGEST_ERROR: usize = 500;
const ORIGINAL_ID: &str = "Dead-Letter-Event-Id";

/// One attempt to handle a message, which failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// When.
    #[serde(with = "events::timestamp")]
    pub at: OffsetDateTime,
    /// Why it failed; of a long text the first 500 characters.
    pub error: String,
}

impl FailedAttempt {
    /// An attempt that fails now; of a long text the first 500 characters are kept.
    pub fn now(error: &str) -> Self {
        Self { at: OffsetDateTime::now_utc(), error: shortened(error).to_owned() }
    }
}

/// As much of an error's text as is kept: it may quote all of a message.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST_ERROR).map_or(text, |(end, _)| &text[..end])
}

/// A message that a queue group could not handle, with the reason.
///
/// It stands in a stream of its own (`<cluster id>-dead-letters`), under `dead-letter.<group>.<subject>`, with its
/// bytes and headers as they were.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its place among the dead letters; no other one ever has the same.
    pub number: u64,
    /// Since when it is one.
    pub since: OffsetDateTime,
    /// Whose it is: the queue group, or the client id of a listener of its own.
    pub group: String,
    /// Where it was published.
    pub subject: String,
    /// What its group knows the event by.
    pub event_id: String,
    /// Its place in the stream of events.
    pub sequence: u64,
    /// How often it was delivered.
    pub attempts: u64,
    /// Why it could not be handled; of a long text the first 500 characters.
    pub reason: String,
    /// What was tried, the last time last.
    pub history: Vec<FailedAttempt>,
    /// Its headers, without those that the broker gives, and the event's id.
    pub headers: HeaderMap,
    /// Its bytes; the first 1000 of one that is too large to be kept with its history.
    pub payload: Bytes,
    /// How many bytes it had.
    pub whole_size: u64,
}

impl DeadLetter {
    /// Reads a message of the dead-letter stream; nothing when it is not one of ours.
    pub fn read(delivery: &Delivery) -> Option<Self> {
        let text = |name| delivery.headers.get(name).map(|value| value.as_str().to_owned());
        let number = |name| u64::from_str(&text(name)?).ok();
        let mut headers = HeaderMap::new();
        copy(&delivery.headers, &mut headers, |name| !name.starts_with(PREFIX));
        Some(Self {
            number: delivery.sequence,
            since: delivery.published,
            // Older programs kept no id for an event that had none: then the letter's own will do.
            event_id: text(ORIGINAL_ID).or_else(|| text(EVENT_ID))?,
            headers,
            group: text(GROUP)?,
            subject: text(SUBJECT)?,
            sequence: number(SEQUENCE)?,
            attempts: number(ATTEMPTS)?,
            reason: text(REASON)?,
            history: text(HISTORY).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            payload: delivery.payload.clone(),
            whole_size: number(WHOLE_SIZE).unwrap_or(delivery.payload.len() as u64),
        })
    }

    /// Stores a delivery among the dead letters; the same one twice is stored once.
    pub(crate) async fn store(
        bus: &Bus,
        group: &Name,
        delivery: &Delivery,
        reason: &str,
        history: &[FailedAttempt],
    ) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        // A redriven event was for this group alone, whose dead letter it is now.
        copy(&delivery.headers, &mut headers, |name| name != AsRef::<str>::as_ref(&REDRIVE_GROUP));
        headers.insert(GROUP, group.as_str());
        headers.insert(SUBJECT, delivery.subject.as_str());
        headers.insert(SEQUENCE, delivery.sequence.to_string());
        headers.insert(ATTEMPTS, delivery.attempt.to_string());
        headers.insert(REASON, shortened(reason).replace(|sign: char| sign.is_control(), " "));
        if !history.is_empty() {
            headers.insert(HISTORY, serde_json::to_string(history)?);
        }
        headers.insert(ORIGINAL_ID, delivery.identity());
        let subject = async_nats::Subject::from(format!("{DEAD_LETTER}.{group}.{}", delivery.subject));
        let id = format!("{group}.{}.{}", delivery.sequence, delivery.published.unix_timestamp_nanos());
        match bus.store(subject.clone(), || Ok(delivery.payload.clone()), headers.clone(), &id).await {
            // With our headers it has become too large for the broker: the event itself stays in its stream.
            Err(PublishError::TooLarge { .. }) => {
                headers.insert(WHOLE_SIZE, delivery.payload.len().to_string());
                bus.store(subject, || Ok(delivery.payload.slice(..BEGINNING)), headers, &id).await?;
            }
            stored => drop(stored?),
        }
        Ok(())
    }
}

/// Copies what belongs to the event, but for its id: a dead letter is a message of its own.
fn copy(from: &HeaderMap, to: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    for (name, values) in from.iter() {
        let name: &str = name.as_ref();
        if !name.starts_with("Nats-") && name != EVENT_ID && also(name) {
            values.iter().for_each(|value| to.append(name, value.clone()));
        }
    }
}

impl fmt::Display for DeadLetter {
    /// One line, whatever the bytes are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, group, subject, sequence, attempts, reason, payload, whole_size, .. } = self;
        let bytes = payload.escape_ascii();
        write!(f, "#{number} {subject} #{sequence} of {group}, attempt {attempts}: {reason}: \"{bytes}\"")?;
        if *whole_size > payload.len() as u64 { write!(f, " and so on, {whole_size} bytes") } else { Ok(()) }
    }
}
