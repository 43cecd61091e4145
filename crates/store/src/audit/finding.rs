//! What an audit has found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What an [`audit`](super::audit) has found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Audit {
    /// The names of the databases whose outboxes were compared.
    pub databases: Vec<String>,
    /// How many events the outboxes contain.
    pub committed: usize,
    /// How many messages of their subjects the stream contains.
    pub stored: usize,
    /// How many events of the outboxes are in the stream as they were committed.
    pub agreed: usize,
    /// The differences: by record, each in the order of its versions; those of the stream alone come last.
    pub findings: Vec<Finding>,
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
    /// The sequences of its messages in the stream; of an altered event, those of the altered messages only.
    pub sequences: Vec<u64>,
    /// Of an altered event: whether the stream contains it as it was committed, too.
    #[serde(skip)]
    pub(crate) has_unaltered_message: bool,
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
    /// The event is in the stream more than once: harmless, since every inbox recognises it.
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

impl Audit {
    /// Whether there is a finding of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.findings.iter().any(|finding| finding.kind == kind)
    }

    /// Whether stream and outboxes have nothing in common, though neither is empty: they belong to different applications.
    pub fn are_strangers(&self) -> bool {
        self.agreed == 0 && self.has(Kind::Missing) && self.has(Kind::Unknown)
    }

    /// How many findings there are of each kind.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        self.findings.iter().for_each(|finding| *counts.entry(finding.kind).or_default() += 1);
        counts
    }
}
