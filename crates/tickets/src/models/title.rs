//! What a ticket is for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most characters a title has.
const LONGEST: usize = 200;

/// 1 to 200 characters, without blanks around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Title(String);

/// What is not a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// No text, or a blank one.
    #[error("Title is required")]
    Missing,
    /// Something that can't be seen: a tab, an end of a line.
    #[error("Title must not contain control characters")]
    Control,
    /// More than 200 characters.
    #[error("Title must be at most {LONGEST} characters")]
    TooLong,
}

impl Title {
    /// Reads it from a body.
    ///
    /// # Errors
    ///
    /// When it is not a title.
    pub fn parse(value: Option<&Value>) -> Result<Self, InvalidTitle> {
        let text = value.and_then(Value::as_str).ok_or(InvalidTitle::Missing)?;
        text.to_owned().try_into()
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = InvalidTitle;

    fn try_from(text: String) -> Result<Self, InvalidTitle> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(InvalidTitle::Missing),
            1..=LONGEST if text.chars().any(char::is_control) => Err(InvalidTitle::Control),
            1..=LONGEST => Ok(Self(text.to_owned())),
            _ => Err(InvalidTitle::TooLong),
        }
    }
}
