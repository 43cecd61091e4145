//! The events of all records, sorted by record and version: by the database, in a collection that lives as long as a replay.

use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bus::Delivery;
use events::Event;
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::{Acknowledgment, CollectionOptions, ReadConcern, WriteConcern};
use mongodb::{Collection, Cursor};
use serde::{Deserialize, Serialize};
use service::Error;

use super::Projected;
use super::arrival::Arrival;
use crate::Store;
use crate::error::DUPLICATE_KEY;

/// The beginning of the names of these collections.
const PREFIX: &str = "replay-";

/// The age at which the collection of a replay that was killed is removed by the next one.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How many events, and how many bytes of them, are stored in one batch.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The version under which the event that creates a record is sorted: before all others.
const CREATED: i64 = -1;

/// The events of all records of one kind.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    events: Collection<Stored>,
    batch: Vec<Stored>,
    bytes: usize,
    record: PhantomData<fn(T)>,
}

/// An event.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(rename = "_id")]
    key: Key,
    /// The event as JSON.
    event: String,
}

/// The place of an event. The database sorts these by their fields, in this order.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    record: String,
    version: i64,
}

/// A record, as its events report it.
#[derive(Debug)]
pub(super) struct Record<T> {
    pub(super) id: String,
    /// The record after all its events up to the first one that is missing; `None` if that is the one that creates it.
    pub(super) state: Option<T>,
    /// Whether no event is missing.
    pub(super) is_whole: bool,
}

/// All records, in the order of their ids.
#[derive(Debug)]
pub(super) struct Histories<T> {
    events: Cursor<Stored>,
    /// The first event of the next record.
    next: Option<Stored>,
    record: PhantomData<fn(T)>,
}

impl<T: Projected> Sorted<T> {
    /// Creates the collection, and removes those that replays have left behind which were killed.
    pub(super) async fn create(store: &Store) -> Result<Self, Error> {
        let database = store.database();
        for name in database.list_collection_names().await.context("failed to list the collections")? {
            let run = name.strip_prefix(PREFIX).and_then(|id| ObjectId::parse_str(id).ok());
            let age = run.and_then(|run| SystemTime::now().duration_since(run.timestamp().to_system_time()).ok());
            if age.is_some_and(|age| age > LEFT_BEHIND_AFTER) {
                database
                    .collection::<Document>(&name)
                    .drop()
                    .await
                    .with_context(|| format!("failed to drop {name}"))?;
            }
        }
        // It need not survive the database.
        let not_durable = WriteConcern::builder().w(Acknowledgment::Nodes(1)).journal(false).build();
        let options =
            CollectionOptions::builder().write_concern(not_durable).read_concern(ReadConcern::local()).build();
        let name = format!("{PREFIX}{}", ObjectId::new().to_hex());
        let events = database.collection_with_options(&name, options);
        Ok(Self { events, batch: Vec::new(), bytes: 0, record: PhantomData })
    }

    /// Adds an event. A message that is not an event was moved to the dead letters, and does not count. Of two events that
    /// report the same version the first one counts, as with an inbox.
    pub(super) async fn add(&mut self, message: &Delivery) -> Result<(), Error> {
        let Some(key) = key_of::<T>(message) else { return Ok(()) };
        let Ok(event) = str::from_utf8(&message.payload) else { return Ok(()) };
        self.bytes += event.len();
        self.batch.push(Stored { key, event: event.to_owned() });
        if self.batch.len() == BATCH || self.bytes > BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Stores the events that were added.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        match self.events.insert_many(std::mem::take(&mut self.batch)).ordered(false).await {
            Err(error) if !is_only_of_duplicates(&error.kind) => Err(error).context("failed to sort the events"),
            _ => Ok(()),
        }
    }

    pub(super) async fn histories(&self) -> Result<Histories<T>, Error> {
        let mut events = self.events.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(BATCH.try_into()?).await?;
        let next = events.try_next().await?;
        Ok(Histories { events, next, record: PhantomData })
    }

    /// The record with this id after its events.
    pub(super) async fn state_of(&self, id: &str) -> Result<Option<T>, Error> {
        let key = |version: i64| doc! { "record": id, "version": version };
        let these = doc! { "_id": { "$gte": key(CREATED), "$lte": key(i64::MAX) } };
        let mut events = self.events.find(these).sort(doc! { "_id": 1 }).await?;
        let next = events.try_next().await?;
        let mut only = Histories { events, next, record: PhantomData };
        Ok(only.next().await?.and_then(|record: Record<T>| record.state))
    }

    /// Removes the collection.
    pub(super) async fn remove(&self) -> Result<(), Error> {
        self.events.drop().await.with_context(|| format!("failed to drop {}", self.events.namespace()))
    }
}

impl<T: Projected> Histories<T> {
    /// The next record; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Record<T>>, Error> {
        let Some(first) = self.next.take() else { return Ok(None) };
        let id = first.key.record.clone();
        let created = (first.key.version == CREATED).then(|| serde_json::from_str::<T::Created>(&first.event));
        let mut record = match created {
            Some(created) => Record { state: Some(T::created(&created?)), id, is_whole: true },
            None => Record { state: None, id, is_whole: false },
        };
        while let Some(stored) = self.events.try_next().await? {
            if stored.key.record != record.id {
                self.next = Some(stored);
                break;
            }
            if record.is_whole {
                record.apply(&serde_json::from_str(&stored.event)?);
            }
        }
        Ok(Some(record))
    }
}

impl<T: Projected> Record<T> {
    fn apply(&mut self, change: &T::Changed) {
        let Some(state) = &self.state else { return };
        let changed = state.clone().changed(change);
        match Arrival::of(changed.version(), state.version()) {
            Arrival::Next => self.state = Some(changed),
            Arrival::AlreadySeen => {}
            Arrival::TooEarly => self.is_whole = false,
        }
    }
}

/// The place of a message among the events; `None` if it is not an event.
fn key_of<T: Projected>(message: &Delivery) -> Option<Key> {
    let is_created = message.subject == T::Created::SUBJECT.as_str();
    let about = if is_created {
        message.event::<T::Created>().ok()?.aggregate()
    } else {
        message.event::<T::Changed>().ok()?.aggregate()
    };
    let version = if is_created { CREATED } else { i64::try_from(about.version.unwrap_or_default()).ok()? };
    Some(Key { record: about.id.to_string(), version })
}

/// Whether all that has failed is an event that was there already.
fn is_only_of_duplicates(error: &ErrorKind) -> bool {
    let ErrorKind::InsertMany(failed) = error else { return false };
    let writes = failed.write_errors.as_deref().unwrap_or_default();
    failed.write_concern_error.is_none() && writes.iter().all(|error| error.code == DUPLICATE_KEY)
}
