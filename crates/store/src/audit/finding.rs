//! What an audit has found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What an [`Audit`](super::Audit) has found, in numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The names of the databases whose outboxes were compared.
    pub databases: Vec<String>,
    /// How many events the outboxes contain.
    pub committed: u64,
    /// How many messages of their subjects the stream contains.
    pub stored: u64,
    /// How many events of the outboxes are in the stream as they were committed.
    pub agreed: u64,
    /// How many messages are in no outbox and so old that an outbox need not contain them any more.
    pub older: u64,
    /// How many findings there are of each kind.
    pub counts: BTreeMap<Kind, u64>,
}

/// An event on which outbox and stream differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How they differ.
    pub kind: Kind,
    /// The name of the database with the outbox; `None` if no outbox contains the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The id of the event; `None` if a message has no id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The subject that the event is published on.
    pub subject: String,
    /// The record that the event is about, as `ticket/<id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<String>,
    /// The version that the record has because of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The sequences of the messages that it is about: none of a missing or unsent event, two of a duplicate, else one.
    pub sequences: Vec<u64>,
}

/// How outbox and stream differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The event was published, and is not in the stream any more.
    Missing,
    /// The event is in the stream with another payload, or on another subject.
    Altered,
    /// The event was committed more than 10 s ago, and no relay has published it yet.
    Unsent,
    /// The event is in the stream, and no outbox has recorded it.
    Unknown,
    /// The event is in the stream once more: harmless, since every inbox recognises it.
    Duplicate,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Unsent => "unsent",
            Self::Unknown => "unknown",
            Self::Duplicate => "duplicate",
        };
        f.write_str(text)
    }
}

impl Summary {
    /// Counts an event that is in the stream as it was committed.
    pub(super) fn agree(&mut self) {
        self.committed += 1;
        self.agreed += 1;
    }

    /// Whether there is a finding of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.counts.contains_key(&kind)
    }

    /// Whether stream and outboxes have nothing in common, though neither is empty: they belong to different applications.
    pub fn are_strangers(&self) -> bool {
        self.agreed == 0 && self.has(Kind::Missing) && self.has(Kind::Unknown)
    }
}
