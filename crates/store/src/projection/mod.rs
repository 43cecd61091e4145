//! Projections: copies of records that another service owns, kept up to date by that service's events.
//!
//! A service must not ask another one while it answers a request, so it keeps a copy of what it needs. The copy is correct
//! only if every event is applied once and in the order of the record's versions. The inbox sees to "once"; this module
//! sees to the order: an event applies only to the version right before its own, an older one has no effect, and a newer
//! one waits. What is specific to a record, how an event makes or changes its copy, is the trait [`Projected`].
//!
//! A copy can still be lost or wrong: a restored backup, a document that somebody edited. Since events stay in the stream,
//! a [replay](Replay) rebuilds the copies from it, while the service is running.

mod arrival;
mod history;
mod replay;

use std::collections::HashMap;

use bus::Rejection;
use events::{Aggregate, AnyId, Event, Id};
use mongodb::Collection;
use mongodb::bson::{Document, RawDocumentBuf, deserialize_from_document, doc, serialize_to_document};
use mongodb::error::Error;
use serde::de::DeserializeOwned;

use self::arrival::Arrival;
use crate::{Store, Tx, Versioned, in_time};

pub use replay::{Outcome, Replay, ReplayStep, Replayed};

/// A copy of a record that another service owns, made from that service's events.
///
/// Each event carries the version that the record has because of it: the first one makes version 0, and each later one
/// raises the version by one. Two copies are equal if they are stored alike.
pub trait Projected: Versioned + DeserializeOwned + Clone + PartialEq + 'static {
    /// The kind of the record. The collection of the copies is named after it in the plural: `tickets`.
    const AGGREGATE: Aggregate;

    /// The same kind as the type of an id, one of [`events::kind`].
    type Kind;

    /// The event that reports a new record.
    type Created: Event;

    /// The event that reports a change of a record.
    type Changed: Event;

    /// The copy of a new record.
    fn created(event: &Self::Created) -> Self;

    /// The copy after a change; its version is the event's. The caller has checked that no change is left out.
    #[must_use]
    fn changed(self, event: &Self::Changed) -> Self;
}

/// The projection of all records of one type. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Projection<T: Send + Sync> {
    store: Store,
    copies: Collection<T>,
}

impl<T: Projected> Projection<T> {
    /// The projection in the service's own database.
    pub fn of(store: &Store) -> Self {
        Self { store: store.clone(), copies: store.collection(T::AGGREGATE.plural()) }
    }

    /// Finds a copy as it is now.
    ///
    /// # Errors
    ///
    /// Those of the database; when the document is not readable.
    pub async fn find(&self, id: Id<T::Kind>) -> Result<Option<T>, Error> {
        in_time(self.copies.find_one(by_id(id.any()))).await
    }

    /// Finds a copy in a transaction.
    ///
    /// # Errors
    ///
    /// Those of the database; when the document is not readable.
    pub async fn find_in(&self, tx: &mut Tx, id: Id<T::Kind>) -> Result<Option<T>, Error> {
        self.copies.find_one(by_id(id.any())).session(tx).await
    }

    /// Finds a copy in a transaction that decides something because of it, and writes to it.
    ///
    /// Snapshot reads allow two transactions to read what the other one changes, and both are committed (write skew). This
    /// one conflicts with every change of the copy, so one of the two is tried again and sees what the other has done.
    ///
    /// # Errors
    ///
    /// Those of the database; when the document is not readable.
    pub async fn find_for_update(&self, tx: &mut Tx, id: Id<T::Kind>) -> Result<Option<T>, Error> {
        // A field that no record has, and that the next change of the record leaves out. Setting it to what it was would
        // be no write.
        let write = doc! { "$inc": { "decisions": 1 } };
        self.copies.find_one_and_update(by_id(id.any()), write).session(tx).await
    }

    /// Finds the copies with these ids; ids without a copy are left out.
    ///
    /// # Errors
    ///
    /// Those of the database; when a document is not readable.
    pub async fn find_all(&self, ids: impl Iterator<Item = Id<T::Kind>>) -> Result<HashMap<AnyId, T>, Error> {
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let copies = self.copies.clone_with_type::<RawDocumentBuf>();
        let found = in_time(copies.find(doc! { "_id": { "$in": ids } })).await?;
        let found: Vec<T> = self.store.read(T::AGGREGATE.plural(), found, usize::MAX).await?;
        Ok(found.into_iter().map(|copy| (copy.id(), copy)).collect())
    }

    /// Adds the copy of a new record, unless there is one.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn add(&self, tx: &mut Tx, event: &T::Created) -> Result<(), Error> {
        let copy = T::created(event);
        let added = doc! { "$setOnInsert": serialize_to_document(&copy)? };
        self.copies.update_one(by_id(copy.id()), added).upsert(true).session(&mut *tx).await?;
        tx.wrote(event.aggregate().record(), copy.version());
        Ok(())
    }

    /// Applies a change to its copy. A change that the copy already contains has no effect.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotYet`] if an earlier event of the record has not been applied; [`Rejection::Retry`] with the errors
    /// of the database, and when the document is not readable.
    pub async fn apply(&self, tx: &mut Tx, event: &T::Changed) -> Result<(), Rejection> {
        let record = event.aggregate().record();
        let before = || Rejection::until(record, event.aggregate().version.unwrap_or_default().saturating_sub(1));
        let copy = self.copies.find_one(by_id(record.id)).session(&mut *tx).await?.ok_or_else(before)?;
        let held = copy.version();
        let changed = copy.changed(event);
        match Arrival::of(changed.version(), held) {
            Arrival::Next => {
                self.copies.replace_one(by_id(record.id), &changed).session(&mut *tx).await?;
                tx.wrote(record, changed.version());
            }
            Arrival::AlreadySeen => {}
            Arrival::TooEarly => return Err(before()),
        }
        Ok(())
    }

    /// Replaces a copy that is absent, different or not readable, and returns whether it did. A copy of a later version
    /// stays as it is.
    async fn rebuild(&self, tx: &mut Tx, record: &T) -> Result<bool, Error> {
        let raw = self.copies.clone_with_type::<Document>();
        let copy = raw.find_one(by_id(record.id())).session(&mut *tx).await?;
        let copy = copy.and_then(|copy| deserialize_from_document::<T>(copy).ok());
        if copy.is_some_and(|copy| copy.version() > record.version() || copy == *record) {
            return Ok(false);
        }
        self.copies.replace_one(by_id(record.id()), record).upsert(true).session(tx).await?;
        Ok(true)
    }
}

fn by_id(id: AnyId) -> Document {
    doc! { "_id": id.to_string() }
}
