//! The inbox: which events were handled, and which could not be yet.

use std::time::Duration;

use anyhow::Context;
use mongodb::bson::{DateTime, doc};
use mongodb::error::Error as DatabaseError;
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use super::error::is_duplicate;
use super::{KEPT_FOR, Store, Tx};
use crate::bus::Try;

const INBOX: &str = "inbox";
const FAILURES: &str = "failures";

/// How much of an event's history is kept.
const LAST_TRIES: i32 = 20;

/// What one queue group has handled, in this database.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    group: &'static str,
    handled: Collection<Handled>,
    failures: Collection<Tries>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handled {
    /// The group and the event: `orders-service/<event id>`.
    #[serde(rename = "_id")]
    id: String,
    handled_at: DateTime,
}

/// What was tried with an event that could not be handled.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Tries {
    /// How often it failed.
    pub(crate) count: u32,
    /// When, and why: the last ones.
    pub(crate) history: Vec<Try>,
    /// Since when it waits for an event before it.
    pub(crate) waiting_since: Option<DateTime>,
}

impl Inbox {
    /// Makes the indexes that forget what is old, however long the database is away.
    pub(crate) async fn open(store: &Store, group: &'static str) -> Result<Self, anyhow::Error> {
        // Longer than any row of an outbox, from which an event may be published again.
        let kept = |field: &str| {
            let kept = IndexOptions::builder().expire_after(KEPT_FOR * 2).build();
            IndexModel::builder().keys(doc! { field: 1 }).options(kept).build()
        };
        store.ensure_index(INBOX, kept("handledAt")).await.context("making the index of the inbox")?;
        store.ensure_index(FAILURES, kept("since")).await.context("making the index of the failures")?;
        Ok(Self { group, handled: store.collection(INBOX), failures: store.collection(FAILURES) })
    }

    fn key(&self, event_id: &str) -> String {
        format!("{}/{event_id}", self.group)
    }

    /// Notes that the event is handled, in the transaction that handles it; tells whether it is new. If it is not, the
    /// transaction is over.
    pub(crate) async fn note(&self, event_id: &str, tx: &mut Tx) -> Result<bool, DatabaseError> {
        let handled = Handled { id: self.key(event_id), handled_at: DateTime::now() };
        match self.handled.insert_one(handled).session(tx).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that the event could not be handled, and tells what was tried so far.
    pub(crate) async fn failed(&self, event_id: &str, error: &str) -> Result<Tries, DatabaseError> {
        let this = mongodb::bson::serialize_to_bson(&Try::now(error))?;
        let history = doc! { "$each": [this], "$slice": -LAST_TRIES };
        let noted = doc! { "$inc": { "count": 1 }, "$push": { "history": history } };
        self.update(event_id, noted).await
    }

    /// Notes that the event waits for another, and tells since when.
    pub(crate) async fn waits(&self, event_id: &str) -> Result<Duration, DatabaseError> {
        let now = DateTime::now();
        // The smaller of the two: a field that is not there yet is set.
        let tries = self.update(event_id, doc! { "$min": { "waitingSince": now } }).await?;
        Ok(now.saturating_duration_since(tries.waiting_since.unwrap_or(now)))
    }

    async fn update(&self, event_id: &str, mut noted: mongodb::bson::Document) -> Result<Tries, DatabaseError> {
        noted.insert("$setOnInsert", doc! { "since": DateTime::now() });
        let it = doc! { "_id": self.key(event_id) };
        let updated = self.failures.find_one_and_update(it, noted).upsert(true);
        Ok(updated.return_document(ReturnDocument::After).await?.unwrap_or_default())
    }
}
