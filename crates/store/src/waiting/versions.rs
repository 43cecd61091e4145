//! The versions of records, whatever their type.

use std::collections::HashMap;

use events::{Aggregate, RecordKey};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::Result;

use crate::{Store, Tx, in_time};

/// The versions of these records, without those that do not exist.
pub(super) async fn versions(store: &Store, records: &[RecordKey]) -> Result<HashMap<RecordKey, u64>> {
    let mut versions = HashMap::new();
    for aggregate in Aggregate::ALL {
        let ids = records.iter().filter(|record| record.aggregate == aggregate);
        let ids: Vec<_> = ids.map(|record| record.id.to_string()).collect();
        if ids.is_empty() {
            continue;
        }
        let collection = records_of(store, aggregate);
        let these = doc! { "_id": { "$in": ids } };
        let mut found = in_time(collection.find(these).projection(doc! { "version": 1 })).await?;
        while let Some(record) = in_time(found.try_next()).await? {
            let Some(id) = record.get_str("_id").ok().and_then(|id| id.parse().ok()) else { continue };
            versions.insert(RecordKey { aggregate, id }, version_of(&record));
        }
    }
    Ok(versions)
}

/// The version of a record as a transaction sees it, if the record exists.
pub(crate) async fn version_in(tx: &mut Tx, record: RecordKey) -> Result<Option<u64>> {
    let records = records_of(tx.store(), record.aggregate);
    let found = records.find_one(doc! { "_id": record.id.to_string() }).projection(doc! { "version": 1 });
    Ok(found.session(tx).await?.as_ref().map(version_of))
}

/// A record is stored in the collection that is named after its kind in the plural, whether the service owns it or has a
/// copy.
fn records_of(store: &Store, aggregate: Aggregate) -> Collection<Document> {
    store.collection(aggregate.plural())
}

fn version_of(record: &Document) -> u64 {
    let version = record.get_i64("version").or_else(|_| record.get_i32("version").map(i64::from));
    version.unwrap_or_default().try_into().unwrap_or_default()
}
