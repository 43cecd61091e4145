//! The collection `waiting`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Context;
use bus::{Awaited, Delivery, WaitingEvent};
use events::RecordKey;
use futures_util::TryStreamExt;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, doc, serialize_to_document};
use mongodb::error::Result;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Store;

const WAITING: &str = "waiting";

/// How many followers are read at once.
const MAX_FOLLOWERS: i64 = 256;

/// An event as it is stored while it waits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
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
    /// When the event began to wait.
    since: DateTime,
    /// Not to be tried before this time, since it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<DateTime>,
}

/// What the sweep reads of a row.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    #[serde(rename = "_id")]
    pub(super) key: String,
    record: String,
    version: i64,
    since: DateTime,
    #[serde(default)]
    not_before: Option<DateTime>,
}

/// How many events of a group and subject wait in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingCount {
    /// The queue group.
    pub group: String,
    /// The subject of the events.
    pub subject: String,
    /// How many wait.
    pub count: u64,
    /// Since when the oldest of them waits.
    pub oldest: OffsetDateTime,
}

/// Creates the indexes, however long the database is away.
pub(crate) async fn prepare(store: &Store) -> std::result::Result<(), anyhow::Error> {
    for keys in [doc! { "group": 1, "record": 1, "version": 1 }, doc! { "group": 1, "subject": 1, "since": 1 }] {
        let index = IndexModel::builder().keys(keys).build();
        store.ensure_index(WAITING, index).await.context("failed to create the indexes of `waiting`")?;
    }
    Ok(())
}

/// The key of an event in the collection.
pub(super) fn key(event: &WaitingEvent) -> String {
    format!("{}/{}", event.group, event.id)
}

/// Stores an event, unless it is stored.
pub(super) async fn store(store: &Store, event: &WaitingEvent) -> Result<()> {
    let row = serialize_to_document(&Row::of(event))?;
    let it = doc! { "_id": key(event) };
    rows(store).update_one(it, doc! { "$setOnInsert": row }).upsert(true).await?;
    Ok(())
}

pub(super) async fn remove(store: &Store, key: &str) -> Result<()> {
    rows(store).delete_one(doc! { "_id": key }).await?;
    Ok(())
}

/// The event is not to be tried again before this time has passed.
pub(super) async fn postpone(store: &Store, key: &str, pause: Duration) -> Result<()> {
    let at = DateTime::from_millis(DateTime::now().timestamp_millis().saturating_add(millis(pause)));
    rows(store).update_one(doc! { "_id": key }, doc! { "$set": { "notBefore": at } }).await?;
    Ok(())
}

/// The event waits for something else than before.
pub(super) async fn waits_for(store: &Store, key: &str, Awaited { record, version }: Awaited) -> Result<()> {
    let waits = doc! { "record": record.to_string(), "version": stored(version) };
    rows(store).update_one(doc! { "_id": key }, doc! { "$set": waits, "$unset": { "notBefore": "" } }).await?;
    Ok(())
}

/// Whether any event waits.
pub(super) async fn is_used(store: &Store) -> Result<bool> {
    Ok(rows(store).estimated_document_count().await? > 0)
}

/// The followers of these records that are to be handled one after the other, beginning with one that need not wait: in
/// the order of versions, and some of them if they are many. Those that can't be read are left out.
pub(super) async fn followers(
    store: &Store,
    groups: &HashSet<String>,
    written: &HashMap<RecordKey, u64>,
) -> Result<Found> {
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let records: HashMap<_, _> =
        written.iter().map(|(record, version)| (record.to_string(), stored(*version))).collect();
    let these = doc! { "group": { "$in": groups }, "record": { "$in": records.keys().collect::<Vec<_>>() } };
    let in_order = doc! { "group": 1, "record": 1, "version": 1 };
    let found: Vec<Row> = rows(store).find(these).sort(in_order).limit(MAX_FOLLOWERS).await?.try_collect().await?;
    let are_all = found.len() < usize::try_from(MAX_FOLLOWERS).unwrap_or(usize::MAX);
    // The version that a record will have when the followers so far are handled.
    let mut reached = records;
    let now = DateTime::now();
    let next = found.into_iter().filter(|row| {
        let Some(version) = reached.get_mut(&row.record) else { return false };
        let is_next = row.version <= *version && row.not_before.is_none_or(|at| at <= now);
        *version += i64::from(is_next && row.version == *version);
        is_next
    });
    Ok(Found { events: next.filter_map(Row::event).collect(), are_all })
}

/// Stored events, by their keys.
pub(super) struct Found {
    pub(super) events: Vec<(String, WaitingEvent)>,
    /// Whether no other was found.
    pub(super) are_all: bool,
}

/// A page of the rows of these groups, in the order of their keys.
pub(super) async fn page(
    store: &Store,
    groups: &HashSet<String>,
    after: Option<&str>,
    count: usize,
) -> Result<Vec<Summary>> {
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let mut these = doc! { "group": { "$in": groups } };
    if let Some(after) = after {
        these.insert("_id", doc! { "$gt": after });
    }
    let fields = doc! { "record": 1, "version": 1, "since": 1, "notBefore": 1 };
    let rows = rows(store).clone_with_type::<Summary>();
    let found = rows.find(these).projection(fields).sort(doc! { "_id": 1 });
    found.limit(i64::try_from(count).unwrap_or(i64::MAX)).await?.try_collect().await
}

/// The events with these keys.
pub(super) async fn events(store: &Store, keys: &[String]) -> Result<Vec<(String, WaitingEvent)>> {
    let found: Vec<Row> = rows(store).find(doc! { "_id": { "$in": keys } }).await?.try_collect().await?;
    Ok(found.into_iter().filter_map(Row::event).collect())
}

/// How many events wait in the database of a service, and since when, by group and subject.
///
/// # Errors
///
/// Those of the database.
pub async fn waiting_counts(store: &Store) -> Result<Vec<WaitingCount>> {
    #[derive(Deserialize)]
    struct Of {
        group: String,
        subject: String,
    }
    #[derive(Deserialize)]
    struct Counted {
        #[serde(rename = "_id")]
        of: Of,
        count: i64,
        oldest: DateTime,
    }
    let counted = doc! { "$group": {
        "_id": { "group": "$group", "subject": "$subject" },
        "count": { "$sum": 1_i64 },
        "oldest": { "$min": "$since" },
    } };
    let in_order = doc! { "$sort": { "_id": 1 } };
    let found = rows(store).aggregate([counted, in_order]).with_type::<Counted>().await?;
    let found: Vec<Counted> = found.try_collect().await?;
    let counts = found.into_iter().map(|Counted { of: Of { group, subject }, count, oldest }| WaitingCount {
        group,
        subject,
        count: count.try_into().unwrap_or_default(),
        oldest: time_of(oldest),
    });
    Ok(counts.collect())
}

fn rows(store: &Store) -> Collection<Row> {
    store.collection(WAITING)
}

impl Row {
    fn of(event: &WaitingEvent) -> Self {
        let WaitingEvent { group, id, delivery, awaited, since } = event;
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
            since: DateTime::from_millis(i64::try_from(since.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()),
            not_before: None,
        }
    }

    fn event(self) -> Option<(String, WaitingEvent)> {
        let Ok(record) = self.record.parse() else {
            tracing::error!(event = self.key, record = self.record, "an event in `waiting` waits for no record");
            return None;
        };
        let published = OffsetDateTime::from_unix_timestamp_nanos(self.published_nanos.into());
        let delivery = Delivery::restored(
            self.subject,
            self.payload.bytes.into(),
            self.sequence.try_into().unwrap_or_default(),
            self.deliveries.try_into().unwrap_or_default(),
            published.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            &self.headers,
        );
        let awaited = Awaited { record, version: self.version.try_into().unwrap_or_default() };
        let since = time_of(self.since);
        Some((self.key, WaitingEvent { group: self.group, id: self.id, delivery, awaited, since }))
    }
}

impl Summary {
    /// The record that the event waits for.
    pub(super) fn record(&self) -> Option<RecordKey> {
        self.record.parse().ok()
    }

    /// Whether the event is to be tried, given the version of its record.
    pub(super) fn is_due(&self, version: Option<u64>, limit: Duration) -> bool {
        let now = DateTime::now();
        let has_come = version.is_some_and(|version| stored(version) >= self.version);
        let waited = now.timestamp_millis().saturating_sub(self.since.timestamp_millis());
        (has_come || waited >= millis(limit)) && self.not_before.is_none_or(|at| at <= now)
    }
}

/// A number as BSON has it.
fn stored(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}

fn time_of(time: DateTime) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(time.timestamp_millis())
}
