//! Times as JavaScript's `toISOString` writes them: `2026-11-21T03:56:47.120Z`. For serde's `with`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The time as text, in UTC, to the millisecond.
pub fn text(time: &OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(MILLISECONDS).unwrap_or_else(|_| time.to_string())
}

/// Writes the time in UTC, to the millisecond.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.to_offset(UtcOffset::UTC).format(MILLISECONDS).map_err(ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// Reads any RFC 3339 time.
///
/// # Errors
///
/// When the text is not such a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)
}

/// The JSON Schema of a time: a string of the format `date-time`.
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
