//! What a ticket is for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most characters a title has.
const LONGEST: usize = 200;

/// 1 to 200 characters, without blanks around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Title(String);

/// What is not a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// No text, or a blank one.
    #[error("Title is required")]
    Missing,
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
        let text = value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let text = text.ok_or(InvalidTitle::Missing)?;
        if text.chars().count() > LONGEST {
            return Err(InvalidTitle::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
