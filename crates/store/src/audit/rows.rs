//! The rows of an outbox, as the audit reads and marks them.

use std::marker::PhantomData;

use anyhow::Context;
use events::Subject;
use futures_util::TryStreamExt;
use mongodb::action::Action;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc};
use mongodb::options::Hint;
use mongodb::{Collection, Cursor};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use service::Error;

use crate::outbox::{OUTBOX, READING, Row, by_sequence, outbox_of, sequence_of};
use crate::{Store, in_time, outbox};

/// How many rows or messages are held in memory at the same time.
pub(super) const PAGE: usize = 500;

/// How many rows the database sends at the same time: without a limit, 16 MB of them, and that is much more in memory.
const FETCHED: u32 = 500;

/// What failed, if a sequence could not be noted.
const NOTING: &str = "failed to note sequences in the outbox";

/// A row without its payload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unplaced {
    #[serde(rename = "_id")]
    pub(super) id: ObjectId,
    pub(super) subject: String,
    pub(super) aggregate: String,
    pub(super) version: Option<u64>,
    pub(super) recorded_at: DateTime,
    pub(super) pending: Option<String>,
}

/// The place of a row in the stream.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    #[serde(rename = "_id")]
    pub(super) id: ObjectId,
    pub(super) sequence: u64,
}

/// Creates the index that the audit needs, for a database whose service has not created it yet.
pub(super) async fn prepare(store: &Store) -> Result<(), Error> {
    outbox_of(store).create_index(by_sequence()).await.context("failed to create the audit's index of the outbox")?;
    Ok(())
}

/// The subjects of all rows. An event of a newer service, whose subject this program does not know, is not compared.
pub(super) async fn subjects(store: &Store) -> Result<Vec<Subject>, Error> {
    let subjects = outbox_of(store).distinct("subject", doc! {}).await.context(READING)?;
    Ok(subjects.iter().filter_map(|subject| subject.as_str()?.parse().ok()).collect())
}

/// Rows that a query has found. One that can't be read is reported, and left out.
#[derive(Debug)]
pub(super) struct Rows<T> {
    store: Store,
    found: Cursor<RawDocumentBuf>,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Rows<T> {
    fn of(store: &Store, found: Cursor<RawDocumentBuf>) -> Self {
        Self { store: store.clone(), found, row: PhantomData }
    }

    /// The next row; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<T>, Error> {
        while let Some(document) = in_time(self.found.try_next()).await.context(READING)? {
            if let Some(row) = self.store.readable(OUTBOX, &document) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    pub(super) async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(row) = self.next().await? {
            all.push(row);
        }
        Ok(all)
    }
}

/// The documents of an outbox.
fn documents(store: &Store) -> Collection<RawDocumentBuf> {
    store.collection(OUTBOX)
}

/// The rows whose messages have sequences after the first and up to the last one.
pub(super) async fn between(store: &Store, after: u64, last: u64) -> Result<Rows<Row>, Error> {
    let these = doc! { "$gt": i64::try_from(after)?, "$lte": i64::try_from(last)? };
    let rows = documents(store);
    let found = rows.find(doc! { "sequence": these }).batch_size(FETCHED);
    Ok(Rows::of(store, in_time(found).await.context(READING)?))
}

/// The places of the rows whose messages have later sequences than this one.
pub(super) async fn after(store: &Store, sequence: u64) -> Result<Rows<Place>, Error> {
    let later = doc! { "sequence": { "$gt": i64::try_from(sequence)? } };
    let rows = documents(store);
    let found = rows.find(later).projection(doc! { "sequence": 1 }).batch_size(FETCHED);
    Ok(Rows::of(store, in_time(found).await.context(READING)?))
}

/// The rows with these ids.
pub(super) async fn with_ids(store: &Store, ids: &[ObjectId]) -> Result<Rows<Row>, Error> {
    let rows = documents(store);
    let found = rows.find(doc! { "_id": { "$in": ids } });
    Ok(Rows::of(store, in_time(found).await.context(READING)?))
}

/// Whether there is a row with this id, also one that can't be read.
pub(super) async fn has(store: &Store, id: ObjectId) -> Result<bool, Error> {
    Ok(in_time(documents(store).find_one(doc! { "_id": id })).await.context(READING)?.is_some())
}

/// The first rows without a sequence, in the order of their ids, after this one; and the last one that was looked at, if there
/// was any.
pub(super) async fn unplaced(
    store: &Store,
    after: Option<ObjectId>,
) -> Result<(Vec<Unplaced>, Option<ObjectId>), Error> {
    let these = after.map_or_else(Document::new, |after| doc! { "_id": { "$gt": after } });
    unplaced_where(store, these, Some(Hint::Keys(by_sequence().keys))).await
}

/// Those of these rows that still have no sequence, in the order of their ids.
pub(super) async fn still_unplaced(store: &Store, ids: &[ObjectId]) -> Result<Vec<Unplaced>, Error> {
    Ok(unplaced_where(store, doc! { "_id": { "$in": ids } }, None).await?.0)
}

async fn unplaced_where(
    store: &Store,
    mut these: Document,
    hint: Option<Hint>,
) -> Result<(Vec<Unplaced>, Option<ObjectId>), Error> {
    these.insert("sequence", doc! { "$exists": false });
    let rows = documents(store);
    let page = rows.find(these).projection(doc! { "payload": 0 });
    let page = page.sort(doc! { "_id": 1 }).limit(PAGE.try_into()?).optional(hint, |page, hint| page.hint(hint));
    let page: Vec<_> = in_time(async { page.await?.try_collect().await }).await.context(READING)?;
    let last = page.last().and_then(|row: &RawDocumentBuf| row.get_object_id("_id").ok());
    Ok((page.iter().filter_map(|row| store.readable(OUTBOX, row)).collect(), last))
}

/// Notes at which sequences the stream contains the events.
pub(super) async fn note(store: &Store, places: &[outbox::Place]) -> Result<(), Error> {
    if places.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = places.iter().map(|(id, _)| *id).collect();
    let noted = vec![doc! { "$set": { "sequence": sequence_of(places)? } }];
    outbox_of(store).update_many(doc! { "_id": { "$in": ids } }, noted).await.context(NOTING)?;
    Ok(())
}

/// Takes the sequences away from rows whose messages are gone.
pub(super) async fn forget(store: &Store, ids: &mut Vec<ObjectId>) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let these = doc! { "_id": { "$in": std::mem::take(ids) } };
    outbox_of(store).update_many(these, doc! { "$unset": { "sequence": "" } }).await.context(NOTING)?;
    Ok(())
}

/// Whether this program knows the subject; it does not know those of a newer service.
pub(super) fn is_known(subject: &str) -> bool {
    subject.parse::<Subject>().is_ok()
}
