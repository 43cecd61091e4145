//! Versions: whoever changes a record has seen its last change.

use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::error::Error;
use serde::Serialize;

use super::Tx;

/// A record that counts its changes. Only its owner raises the version, by one with each change, and announces each.
pub trait Versioned: Serialize + Send + Sync {
    /// The `_id` of its document.
    fn id(&self) -> &str;

    /// How often it was changed; 0 is new.
    fn version(&self) -> u64;
}

/// Somebody else has changed the record meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record has changed since it was read")]
pub struct Stale;

/// How an event about a version stands to the copy of the record that a listener holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Arrival {
    /// It is the next change.
    Next,
    /// The copy is as far, or further.
    AlreadySeen,
    /// One between is missing.
    TooEarly,
}

impl Arrival {
    /// Of an event about version `arrived`, to a copy of version `held`.
    pub fn of(arrived: u64, held: u64) -> Self {
        match arrived.checked_sub(held) {
            None | Some(0) => Self::AlreadySeen,
            Some(1) => Self::Next,
            Some(_) => Self::TooEarly,
        }
    }
}

/// Saves a changed record over the version before it.
///
/// # Errors
///
/// [`Stale`] inside, when the version before it is not the one that is stored; the database's outside.
pub async fn save<T: Versioned>(records: &Collection<T>, record: &T, tx: &mut Tx) -> Result<Result<(), Stale>, Error> {
    let before = i64::try_from(record.version()).unwrap_or(i64::MAX) - 1;
    let it_before = doc! { "_id": record.id(), "version": before };
    let replaced = records.replace_one(it_before, record).session(tx).await?;
    Ok(if replaced.matched_count == 1 { Ok(()) } else { Err(Stale) })
}
