//! The title of a ticket.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long a title may be, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// The title of a ticket: 1 to 200 characters, without white space around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Title(String);

/// Why a text is not a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTitle {
    /// There is no text, or it is blank.
    #[error("Title is required")]
    Missing,
    /// The text contains a control character, such as a tab or the end of a line.
    #[error("Title must not contain control characters")]
    Control,
    /// The text has more than 200 characters.
    #[error("Title must be at most {MAX_TITLE_CHARS} characters")]
    TooLong,
}

impl Title {
    /// Reads the title of a body.
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self, InvalidTitle> {
        let text = value.and_then(Value::as_str).ok_or(InvalidTitle::Missing)?;
        text.to_owned().try_into()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = InvalidTitle;

    fn try_from(text: String) -> Result<Self, InvalidTitle> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(InvalidTitle::Missing),
            1..=MAX_TITLE_CHARS if text.chars().any(char::is_control) => Err(InvalidTitle::Control),
            1..=MAX_TITLE_CHARS => Ok(Self(text.to_owned())),
            _ => Err(InvalidTitle::TooLong),
        }
    }
}
