//! What is written to the collection `waiting`.
//!
//! How long an event has waited, and until when it is not to be tried, is counted by the clock of the database alone: the
//! processes that store and try the events may have clocks that differ.

use std::time::Duration;

use bus::{Awaited, WaitingEvent};
use mongodb::bson::{Document, doc, serialize_to_document};
use mongodb::error::Result;
use mongodb::{Collection, IndexModel};

use super::row::{Row, key, millis, stored};
use crate::{Store, in_time};

pub(super) const WAITING: &str = "waiting";

/// Creates the indexes, however long the database is away.
pub(crate) async fn prepare(store: &Store) -> std::result::Result<(), anyhow::Error> {
    for keys in [doc! { "group": 1, "record": 1, "version": 1 }, doc! { "group": 1, "subject": 1, "since": 1 }] {
        let index = IndexModel::builder().keys(keys).build();
        store.ensure_index(WAITING, index).await?;
    }
    Ok(())
}

/// Stores an event, unless it is stored.
pub(super) async fn store(store: &Store, event: &WaitingEvent) -> Result<()> {
    let row = doc! { "$literal": serialize_to_document(&Row::of(event))? };
    let since = doc! { "since": { "$subtract": ["$$NOW", millis(event.waited)] } };
    let is_new = doc! { "$eq": [{ "$type": "$since" }, "missing"] };
    let stored = doc! { "$cond": [is_new, { "$mergeObjects": [row, since] }, "$$ROOT"] };
    let it = doc! { "_id": key(event) };
    in_time(rows(store).update_one(it, vec![doc! { "$replaceWith": stored }]).upsert(true)).await?;
    Ok(())
}

pub(super) async fn remove(store: &Store, key: &str) -> Result<()> {
    in_time(rows(store).delete_one(doc! { "_id": key })).await?;
    Ok(())
}

/// The event is not to be tried again before this time has passed.
pub(super) async fn postpone(store: &Store, key: &str, pause: Duration) -> Result<()> {
    let at = doc! { "$add": ["$$NOW", millis(pause)] };
    in_time(rows(store).update_one(doc! { "_id": key }, vec![doc! { "$set": { "notBefore": at } }])).await?;
    Ok(())
}

/// The event waits for something else than before.
pub(super) async fn waits_for(store: &Store, key: &str, Awaited { record, version }: Awaited) -> Result<()> {
    let waits = doc! { "record": record.to_string(), "version": stored(version) };
    let update = doc! { "$set": waits, "$unset": { "notBefore": "" } };
    in_time(rows(store).update_one(doc! { "_id": key }, update)).await?;
    Ok(())
}

/// The rows as they are, since one that can't be read must not hide the others.
pub(super) fn rows(store: &Store) -> Collection<Document> {
    store.collection(WAITING)
}
