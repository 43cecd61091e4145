//! Checking JSON.

use serde::de::IgnoredAny;

/// Whether a text is JSON.
///
/// # Errors
///
/// If it is not, with the place.
pub fn check(text: &str) -> Result<(), String> {
    let checked: Result<IgnoredAny, _> = serde_json::from_str(text);
    checked.map(drop).map_err(|error| format!("not JSON: {error}"))
}
