//! A row of the collection `waiting`.

use std::time::Duration;

use bus::{Awaited, Delivery, WaitingEvent};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, deserialize_from_document, doc};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// An event as it is stored while it waits. Beside it stand `since`, when it began to wait, and `notBefore`, if it has failed
/// and is not to be tried before that time: both by the clock of the database.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// The group and the event: `orders-service/<event id>`, for a redriven event with the number of the redrive.
    #[serde(rename = "_id")]
    key: String,
    group: String,
    id: String,
    subject: String,
    /// The record that it waits for, as `ticket/<id>`.
    record: String,
    /// The version that the record must have.
    version: i64,
    payload: Binary,
    /// The headers of the message, each with its name and one value.
    headers: Vec<(String, String)>,
    sequence: i64,
    deliveries: i64,
    /// When the broker stored the message, in nanoseconds since 1970.
    published_nanos: i64,
    /// How long the event has waited, in milliseconds; computed when the row is read.
    #[serde(skip_serializing)]
    waited: i64,
}

/// The fields that are computed when a row is read.
pub(super) fn computed() -> Document {
    let is_date = doc! { "$eq": [{ "$type": "$since" }, "date"] };
    doc! {
        "waited": { "$cond": [is_date, { "$subtract": ["$$NOW", "$since"] }, Bson::Null] },
        "isPostponed": { "$gt": ["$notBefore", "$$NOW"] },
    }
}

impl Row {
    pub(super) fn of(event: &WaitingEvent) -> Self {
        let WaitingEvent { group, id, delivery, awaited, waited } = event;
        Self {
            key: key(event),
            group: group.clone(),
            id: id.clone(),
            subject: delivery.subject.clone(),
            record: awaited.record.to_string(),
            version: stored(awaited.version),
            payload: Binary { subtype: BinarySubtype::Generic, bytes: delivery.payload.to_vec() },
            headers: delivery.header_pairs(),
            sequence: stored(delivery.sequence),
            deliveries: stored(delivery.attempt),
            published_nanos: delivery.published.unix_timestamp_nanos().try_into().unwrap_or_default(),
            waited: millis(*waited),
        }
    }

    /// The event of a row with its key, if the row can be read.
    pub(super) fn event_of(row: Document) -> Option<(String, WaitingEvent)> {
        let row: Self = deserialize_from_document(row).ok()?;
        let published = OffsetDateTime::from_unix_timestamp_nanos(row.published_nanos.into()).ok()?;
        let delivery = Delivery::restored(
            row.subject,
            row.payload.bytes.into(),
            row.sequence.try_into().ok()?,
            row.deliveries.try_into().ok()?,
            published,
            &row.headers,
        );
        let awaited = Awaited { record: row.record.parse().ok()?, version: row.version.try_into().ok()? };
        let waited = Duration::from_millis(row.waited.try_into().unwrap_or_default());
        Some((row.key, WaitingEvent { group: row.group, id: row.id, delivery, awaited, waited }))
    }
}

/// The key of an event in the collection.
pub(super) fn key(event: &WaitingEvent) -> String {
    format!("{}/{}", event.group, event.id)
}

/// A number as BSON has it.
pub(super) fn stored(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

pub(super) fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}
