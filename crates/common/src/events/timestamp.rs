//! Points in time as JavaScript's `toISOString` writes them: `2026-11-21T03:56:47.120Z`. For serde's `with`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// As a text, in UTC, to the millisecond.
pub fn text(time: &OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(MILLISECONDS).unwrap_or_else(|_| time.to_string())
}

/// Writes it, in UTC, to the millisecond.
///
/// # Errors
///
/// The serializer's.
pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.to_offset(UtcOffset::UTC).format(MILLISECONDS).map_err(ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// Reads any time of RFC 3339.
///
/// # Errors
///
/// When it is none.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)
}

/// What it is as JSON Schema: any time of RFC 3339.
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
