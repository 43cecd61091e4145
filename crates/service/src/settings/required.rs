//! Settings that must be set, and settings that are texts with a form of their own.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::section::Problem;

/// The problem with a setting that is not a text.
pub(super) const NOT_A_TEXT: &str = "must be a text, in quotes";

/// The problem with a setting that must be set and is not; `example` shows how to set it by its variable.
///
/// ```
/// use service::settings::required;
///
/// let missing = required("url", false, "NATS_URL=nats://localhost:4222").unwrap();
/// assert_eq!(missing.text, "must be set: NATS_URL=nats://localhost:4222");
/// ```
pub fn required(key: &str, is_set: bool, example: &str) -> Option<Problem> {
    (!is_set).then(|| Problem::new(key, format!("must be set: {example}")))
}

/// Reads the text of a setting that may contain a password, so what was written in place of a text is not quoted.
///
/// # Errors
///
/// If it is a number, a list, or anything else that is not a text.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map_err(|_| D::Error::custom(NOT_A_TEXT))
}

/// Reads a setting from its text, for `#[serde(deserialize_with)]`; `None` if the text is empty or blank. `example` shows
/// how to set it by its variable.
///
/// # Errors
///
/// If it is not a text; what the type says is wrong with the text, and the example.
pub fn parsed<'de, T, D>(deserializer: D, example: &str) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = text(deserializer)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| D::Error::custom(format_args!("{error} ({example})")))
}
