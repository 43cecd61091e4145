//! What is read from the collection `waiting`.
//!
//! Only the rows of listeners of this process are read. Those of others wait until a process has their listener.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bus::WaitingEvent;
use events::RecordKey;
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::error::Result;
use serde::Deserialize;
use time::OffsetDateTime;

use super::row::{Row, computed, millis, stored};
use super::rows::{WAITING, rows};
use crate::commits::Listening;
use crate::{Store, in_time, time_of};

/// How many followers are read at once.
pub(super) const MAX_FOLLOWERS: usize = 256;

/// How far ahead of its record an event may be that is passed on behind its predecessors.
const MAX_AHEAD: i64 = 64;

/// What is known of an event without its content.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) key: String,
    pub(super) record: RecordKey,
    version: i64,
    waited: i64,
    is_postponed: bool,
}

/// A page of the rows.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Summary>,
    /// The key of its last row, unless no page follows.
    pub(super) last: Option<String>,
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
    /// Since when the oldest of them waits, by the clock of the database.
    pub oldest: OffsetDateTime,
}

impl Summary {
    fn read(row: &Document) -> Option<Self> {
        Some(Self {
            key: row.get_str("_id").ok()?.to_owned(),
            record: row.get_str("record").ok()?.parse().ok()?,
            version: row.get_i64("version").ok()?,
            waited: row.get_i64("waited").ok()?,
            is_postponed: row.get_bool("isPostponed").ok()?,
        })
    }

    /// Whether the event may be tried although its record has not come: it has not failed a moment ago.
    pub(super) fn may_be_tried(&self) -> bool {
        !self.is_postponed
    }

    /// Whether the event is to be tried, given the version of its record.
    pub(super) fn is_due(&self, version: Option<u64>, limit: Duration) -> bool {
        let has_come = version.is_some_and(|version| stored(version) >= self.version);
        (has_come || self.waited >= millis(limit)) && !self.is_postponed
    }
}

/// The events of a group that wait for no more than these versions of records, in the order of records and versions:
/// [`MAX_FOLLOWERS`] at most.
pub(super) async fn followers(
    store: &Store,
    group: &str,
    subjects: &[&str],
    written: &[(RecordKey, u64)],
) -> Result<Vec<Summary>> {
    let reached = written.iter().map(|(record, version)| {
        doc! { "record": record.to_string(), "version": { "$lte": stored(*version) } }
    });
    let these = doc! { "group": group, "subject": { "$in": subjects }, "$or": reached.collect::<Vec<_>>() };
    let now = doc! { "$expr": { "$not": [{ "$gt": ["$notBefore", "$$NOW"] }] } };
    let in_order = doc! { "record": 1, "version": 1 };
    summaries(store, doc! { "$and": [these, now] }, in_order, MAX_FOLLOWERS).await
}

/// The events of a group that will follow these, one after the other, when they are handled.
pub(super) async fn chain(
    store: &Store,
    group: &str,
    subjects: &[&str],
    followers: &[Summary],
) -> Result<Vec<Summary>> {
    // The version that a record will have when the followers so far are handled.
    let mut reached: HashMap<RecordKey, i64> = HashMap::new();
    for one in followers {
        let version = reached.entry(one.record).or_insert(one.version);
        *version = one.version.max(*version);
    }
    let ahead = reached.iter().map(|(record, version)| {
        doc! { "record": record.to_string(), "version": { "$gt": version, "$lte": version + MAX_AHEAD } }
    });
    let these = doc! { "group": group, "subject": { "$in": subjects }, "$or": ahead.collect::<Vec<_>>() };
    let mut found = summaries(store, these, doc! { "record": 1, "version": 1 }, MAX_FOLLOWERS).await?;
    found.retain(|row| {
        let Some(version) = reached.get_mut(&row.record) else { return false };
        let is_next = row.version <= *version + 1 && !row.is_postponed;
        *version += i64::from(is_next && row.version == *version + 1);
        is_next
    });
    Ok(found)
}

/// A page of the rows of these listeners, in the order of their keys.
pub(super) async fn page(
    store: &Store,
    listening: &HashSet<Listening>,
    after: Option<&str>,
    count: usize,
) -> Result<Page> {
    let mut these = doc! { "$or": ours(listening) };
    if let Some(after) = after {
        these.insert("_id", doc! { "$gt": after });
    }
    let found = summaries_of(store, these, doc! { "_id": 1 }, count).await?;
    let last = found.last().filter(|_| found.len() == count).and_then(|row| row.get_str("_id").ok());
    let last = last.map(str::to_owned);
    Ok(Page { rows: readable(store, found, |row| Summary::read(&row)), last })
}

/// The events with these keys, in the order of the keys.
pub(super) async fn events(store: &Store, keys: &[String]) -> Result<Vec<(String, WaitingEvent)>> {
    let steps = [doc! { "$match": { "_id": { "$in": keys } } }, doc! { "$addFields": computed() }];
    let mut events = readable(store, aggregated(store, steps).await?, Row::event_of);
    let place: HashMap<_, _> = keys.iter().enumerate().map(|(place, key)| (key.as_str(), place)).collect();
    events.sort_by_key(|(key, _)| place.get(key.as_str()).copied());
    Ok(events)
}

/// Whether any event waits.
pub(super) async fn is_used(store: &Store) -> Result<bool> {
    Ok(in_time(rows(store).estimated_document_count()).await? > 0)
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
    let readable =
        doc! { "group": { "$type": "string" }, "subject": { "$type": "string" }, "since": { "$type": "date" } };
    let counted = doc! {
        "_id": { "group": "$group", "subject": "$subject" },
        "count": { "$sum": 1_i64 },
        "oldest": { "$min": "$since" },
    };
    let steps = [doc! { "$match": readable }, doc! { "$group": counted }, doc! { "$sort": { "_id": 1 } }];
    let counting = async { rows(store).aggregate(steps).with_type::<Counted>().await?.try_collect().await };
    let found: Vec<Counted> = in_time(counting).await?;
    let counts = found.into_iter().map(|Counted { of: Of { group, subject }, count, oldest }| WaitingCount {
        group,
        subject,
        count: count.try_into().unwrap_or_default(),
        oldest: time_of(oldest),
    });
    Ok(counts.collect())
}

async fn summaries(store: &Store, these: Document, in_order: Document, limit: usize) -> Result<Vec<Summary>> {
    let found = summaries_of(store, these, in_order, limit).await?;
    Ok(readable(store, found, |row| Summary::read(&row)))
}

/// The rows without their events.
async fn summaries_of(store: &Store, these: Document, in_order: Document, limit: usize) -> Result<Vec<Document>> {
    let mut fields = computed();
    fields.extend(doc! { "record": 1, "version": 1 });
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let steps =
        [doc! { "$match": these }, doc! { "$sort": in_order }, doc! { "$limit": limit }, doc! { "$project": fields }];
    aggregated(store, steps).await
}

async fn aggregated(store: &Store, steps: impl IntoIterator<Item = Document>) -> Result<Vec<Document>> {
    let mut cursor = in_time(rows(store).aggregate(steps)).await?;
    let mut found = Vec::new();
    while let Some(row) = in_time(cursor.try_next()).await? {
        found.push(row);
    }
    Ok(found)
}

/// What can be read of these rows. The others are reported, and stay where they are.
fn readable<T>(store: &Store, found: Vec<Document>, read: impl Fn(Document) -> Option<T>) -> Vec<T> {
    let read = |row: Document| {
        let id = row.get("_id").cloned().unwrap_or(Bson::Null);
        let read = read(row);
        if read.is_none() {
            store.report_unreadable(WAITING, &id, &"it is not an event that waits");
        }
        read
    };
    found.into_iter().filter_map(read).collect()
}

/// The rows of these listeners.
fn ours(listening: &HashSet<Listening>) -> Vec<Document> {
    let ours = listening.iter().map(|(group, subject)| doc! { "group": group, "subject": subject });
    ours.collect()
}
