//! The inbox: which events were handled, and which could not be yet.
//!
//! JetStream delivers at least once: after a lost ack, a repair or a redrive an event arrives again. Making every handler
//! idempotent by itself is easy to get wrong, so the note that an event was handled is a document of the same transaction
//! as its effects, with group and event id as its key. A second delivery finds the note, and nothing happens.
//!
//! Only handled events are noted there; an attempt that fails writes to a collection of its own, outside the transaction
//! that was aborted. So an event that is handled on its first attempt, as nearly all are, costs one insert. Both collections are kept
//! twice as long as the outbox, from which an event may be published again.

use bus::{FailedAttempt, Failures};
use mongodb::bson::{DateTime, doc};
use mongodb::error::{Error as DatabaseError, ErrorKind};
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use crate::error::{is_duplicate, plain};
use crate::{KEPT_FOR, Store, Tx, in_time};

const INBOX: &str = "inbox";
const FAILURES: &str = "failures";

/// MongoDB's codes for a field that has not the type that an update needs: `BadValue`, `TypeMismatch`.
const TYPE_MISMATCHES: [i32; 2] = [2, 14];

/// How many failed attempts of an event are kept.
const MAX_HISTORY_LENGTH: i32 = 20;

/// The inbox of one queue group.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    group: &'static str,
    handled: Collection<Handled>,
    failures: Collection<Troubled>,
    store: Store,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handled {
    /// The group and the event: `orders-service/<event id>`.
    #[serde(rename = "_id")]
    id: String,
    handled_at: DateTime,
}

/// An event that could not be handled yet. Older versions have noted in it, too, since when the event waits for another.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Troubled {
    /// How often handling the event has failed.
    count: u32,
    /// The last failed attempts, the latest one last.
    history: Vec<FailedAttempt>,
}

impl Inbox {
    /// The inbox of a queue group.
    pub(crate) fn of(store: &Store, group: &'static str) -> Self {
        Self { group, handled: store.collection(INBOX), failures: store.collection(FAILURES), store: store.clone() }
    }

    /// Creates the indexes that remove old rows, however long the database is away.
    pub(crate) async fn prepare(store: &Store) -> Result<(), anyhow::Error> {
        // Longer than any row of an outbox, from which an event may be published again.
        let kept = |field: &str| {
            let kept = IndexOptions::builder().expire_after(KEPT_FOR * 2).build();
            IndexModel::builder().keys(doc! { field: 1 }).options(kept).build()
        };
        store.ensure_index(INBOX, kept("handledAt")).await?;
        store.ensure_index(FAILURES, kept("since")).await?;
        Ok(())
    }

    fn key(&self, event_id: &str) -> String {
        format!("{}/{event_id}", self.group)
    }

    /// Notes that the event is handled, in the transaction that handles it. Returns whether the event is new; if not, the
    /// server has aborted the transaction.
    pub(crate) async fn note(&self, event_id: &str, tx: &mut Tx) -> Result<bool, DatabaseError> {
        let handled = Handled { id: self.key(event_id), handled_at: DateTime::now() };
        match self.handled.insert_one(handled).session(tx).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Records that handling the event has failed, and returns all its failures until now.
    pub(crate) async fn failed(&self, event_id: &str, error: &str) -> Result<Failures, DatabaseError> {
        let this = mongodb::bson::serialize_to_bson(&FailedAttempt::now(error))?;
        let history = doc! { "$each": [this], "$slice": -MAX_HISTORY_LENGTH };
        let noted = doc! { "$inc": { "count": 1 }, "$push": { "history": history } };
        let Troubled { count, history } = match self.update(event_id, noted.clone()).await {
            Ok(troubled) => troubled,
            // Its failures begin again: that is better than an event that is tried for ever, since they can't be counted.
            Err(error) if is_of_the_document(&error) => {
                self.store.report_unreadable(FAILURES, &self.key(event_id).into(), &plain(&error));
                in_time(self.failures.delete_one(doc! { "_id": self.key(event_id) })).await?;
                self.update(event_id, noted).await?
            }
            Err(error) => return Err(error),
        };
        Ok(Failures { count, history })
    }

    async fn update(&self, event_id: &str, mut noted: mongodb::bson::Document) -> Result<Troubled, DatabaseError> {
        noted.insert("$setOnInsert", doc! { "since": DateTime::now() });
        let this = doc! { "_id": self.key(event_id) };
        let updated = self.failures.find_one_and_update(this, noted).upsert(true);
        Ok(in_time(updated.return_document(ReturnDocument::After)).await?.unwrap_or_default())
    }
}

/// Whether the stored document is at fault: it can't be read, or a field that is to be changed has another type.
fn is_of_the_document(error: &DatabaseError) -> bool {
    match &*error.kind {
        ErrorKind::Bson(_) => true,
        ErrorKind::Command(error) => TYPE_MISMATCHES.contains(&error.code),
        _ => false,
    }
}
