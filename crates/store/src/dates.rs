//! Dates of documents.

use mongodb::bson::DateTime;
use time::OffsetDateTime;

/// The time of a date in a document: in UTC, to the millisecond.
pub fn time_of(date: DateTime) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH.saturating_add(time::Duration::milliseconds(date.timestamp_millis()))
}
