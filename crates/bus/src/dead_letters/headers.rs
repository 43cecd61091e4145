//! The headers of dead letters, and of redriven events.

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};

use crate::{Delivery, EVENT_ID, Name};

/// The beginning of all headers that only a dead letter has.
pub(super) const PREFIX: &str = "Dead-Letter-";
pub(super) const GROUP: &str = "Dead-Letter-Group";
pub(super) const SUBJECT: &str = "Dead-Letter-Subject";
pub(super) const SEQUENCE: &str = "Dead-Letter-Sequence";
/// The number of deliveries: the name is older than the distinction from failures.
pub(super) const DELIVERIES: &str = "Dead-Letter-Attempts";
pub(super) const FAILURES: &str = "Dead-Letter-Failures";
pub(super) const REASON: &str = "Dead-Letter-Reason";
pub(super) const HISTORY: &str = "Dead-Letter-History";
pub(super) const WHOLE_SIZE: &str = "Dead-Letter-Whole-Size";
pub(super) const ORIGINAL_ID: &str = "Dead-Letter-Event-Id";

/// Names the only group that a redriven event is for: every other one acks it without handling it.
pub(super) const REDRIVE_GROUP: HeaderName = HeaderName::from_static("Redrive-Group");

/// The number of the dead letter that a redriven event was.
pub(super) const REDRIVE_OF: &str = "Redrive-Of";

/// Copies the event's own headers, without its id: a dead letter is a message of its own.
pub(super) fn copy(from: &HeaderMap, to: &mut HeaderMap, is_copied: impl Fn(&str) -> bool) {
    for (name, values) in from.iter() {
        let name: &str = name.as_ref();
        if !name.starts_with("Nats-") && name != EVENT_ID && is_copied(name) {
            values.iter().for_each(|value| to.append(name, value.clone()));
        }
    }
}

impl Delivery {
    /// The number of the dead letter that the event was, if it is redriven.
    pub fn redrive_of(&self) -> Option<u64> {
        self.headers.get(REDRIVE_OF)?.as_str().parse().ok()
    }

    /// The only group that the event is for, if it is redriven.
    pub fn redriven_for(&self) -> Option<&str> {
        self.headers.get(REDRIVE_GROUP).map(HeaderValue::as_str)
    }

    pub(crate) fn is_for_another(&self, group: &Name) -> bool {
        self.redriven_for().is_some_and(|only| only != group.as_str())
    }
}
