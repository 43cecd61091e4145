//! Versions: a change is saved only if it was made to the last version of the record.

use events::AnyId;
use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::error::Error;
use serde::Serialize;

use crate::Tx;

/// A record that counts its changes. Only its owner raises the version, by one with each change, and publishes each.
pub trait Versioned: Serialize + Send + Sync {
    /// The `_id` of the document.
    fn id(&self) -> AnyId;

    /// How often the record was changed; a new record has version 0.
    fn version(&self) -> u64;
}

/// Somebody else has changed the record since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record has changed since it was read")]
pub struct Stale;

/// Replaces the stored record of the previous version by the changed one.
///
/// # Errors
///
/// The inner error is [`Stale`] if the stored record has another version; the outer error is the database's.
pub async fn save<T: Versioned>(records: &Collection<T>, record: &T, tx: &mut Tx) -> Result<Result<(), Stale>, Error> {
    let previous = i64::try_from(record.version()).unwrap_or(i64::MAX) - 1;
    let stored = doc! { "_id": record.id().to_string(), "version": previous };
    let replaced = records.replace_one(stored, record).session(tx).await?;
    Ok(if replaced.matched_count == 1 { Ok(()) } else { Err(Stale) })
}
