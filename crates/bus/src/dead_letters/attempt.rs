//! The failed attempts to handle a message.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// How much of an error's text is kept, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// One attempt to handle a message, which failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// When the attempt failed.
    #[serde(with = "events::timestamp")]
    pub at: OffsetDateTime,
    /// Why the attempt failed; of a long text the first 500 characters.
    pub error: String,
}

impl FailedAttempt {
    /// An attempt that fails now; of a long text the first 500 characters are kept.
    pub fn now(error: &str) -> Self {
        Self { at: OffsetDateTime::now_utc(), error: shortened(error).to_owned() }
    }
}

/// The failures of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How often handling the event has failed.
    pub count: u32,
    /// The last failed attempts, the latest one last.
    pub history: Vec<FailedAttempt>,
}

/// As much of an error's text as is kept: it may quote a whole message.
pub(super) fn shortened(text: &str) -> &str {
    text.char_indices().nth(MAX_ERROR_CHARS).map_or(text, |(end, _)| &text[..end])
}
