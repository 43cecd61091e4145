//! The pending rows of an outbox, as far as they can be read.
//!
//! Another version of the service, or somebody's hand, may have written a row that this one can't read. It is reported
//! once, and blocks the later events of its own record only.

use std::collections::HashMap;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, RawDocumentBuf, deserialize_from_slice};

use crate::Store;
use crate::outbox::{OUTBOX, Row};

/// A row that was not published yet.
pub(crate) struct Pending {
    pub(crate) id: ObjectId,
    /// The record that the event is about; if the row does not say that, a name of its own.
    pub(crate) record: String,
    pub(crate) version: Option<u64>,
    /// The row; `None` if it can't be read.
    pub(crate) row: Option<Row>,
}

impl Pending {
    /// What can be read of a row; a row without an id of ours is left out.
    pub(crate) fn read(store: &Store, document: &RawDocumentBuf) -> Option<Self> {
        match deserialize_from_slice::<Row>(document.as_bytes()) {
            Ok(row) => Some(Self { id: row.id, record: row.aggregate.clone(), version: row.version, row: Some(row) }),
            Err(error) => {
                let id = document.get_object_id("_id").ok()?;
                store.report_unreadable(OUTBOX, &Bson::ObjectId(id), &error);
                let record = document.get_str("aggregate").map_or_else(|_| id.to_hex(), str::to_owned);
                let version = document.get_i64("version").ok().and_then(|version| version.try_into().ok());
                Some(Self { id, record, version, row: None })
            }
        }
    }
}

/// The pending rows of one record, in the order in which they must be published.
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) rows: Vec<Pending>,
}

/// The rows of each record in the order of their versions, up to the last one of this process.
///
/// Another process may be about to publish its earlier rows too. The broker ignores the second message then.
pub(crate) fn in_order(ours: Vec<Pending>, before: Vec<Pending>) -> Vec<Record> {
    let mut records: Vec<Vec<(Pending, bool)>> = Vec::new();
    let mut indexes = HashMap::new();
    let ours = ours.into_iter().map(|row| (row, true));
    for (row, is_ours) in ours.chain(before.into_iter().map(|row| (row, false))) {
        let index = *indexes.entry(row.record.clone()).or_insert(records.len());
        if index == records.len() {
            records.push(Vec::new());
        }
        records[index].push((row, is_ours));
    }
    let in_order = records.into_iter().filter_map(|mut record| {
        record.sort_by_key(|(row, _)| (row.version, row.id));
        let last = record.iter().rposition(|(_, is_ours)| *is_ours).unwrap_or_default();
        record.truncate(last + 1);
        let rows: Vec<_> = record.into_iter().map(|(row, _)| row).collect();
        Some(Record { name: rows.first()?.record.clone(), rows })
    });
    in_order.collect()
}
