//! Documents that can't be read.
//!
//! Somebody may have edited a document by hand, or a later version of the service, which was rolled back, has written it.
//! One such document must not hide the others of a list. So lists are read document by document; one that can't be read is
//! left out, counted, and reported once with its id.

use std::fmt::Display;

use futures_util::TryStreamExt;
use mongodb::Cursor;
use mongodb::bson::{Bson, Document, RawDocumentBuf, deserialize_from_slice, doc};
use mongodb::error::Result;
use serde::de::DeserializeOwned;

use crate::{Store, in_time};

/// In which order documents are read: their ids grow with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// By ascending ids.
    OldestFirst,
    /// By descending ids.
    NewestFirst,
}

impl Store {
    /// Reads what a query has found in a collection, up to a number of documents. Those that can't be read do not count,
    /// and are [reported](Self::report_unreadable).
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn read<T: DeserializeOwned>(
        &self,
        collection: &str,
        mut found: Cursor<RawDocumentBuf>,
        count: usize,
    ) -> Result<Vec<T>> {
        let mut read = Vec::new();
        while read.len() < count
            && let Some(document) = in_time(found.try_next()).await?
        {
            read.extend(self.readable(collection, &document));
        }
        Ok(read)
    }

    /// Reads documents in a direction of their ids: those that match, behind an id, and up to a number of them. Those that
    /// can't be read do not count, and are [reported](Self::report_unreadable).
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn read_page<T: DeserializeOwned>(
        &self,
        collection: &str,
        these: Document,
        direction: Direction,
        after: Option<String>,
        count: usize,
    ) -> Result<Vec<T>> {
        let (behind, sort) = match direction {
            Direction::OldestFirst => ("$gt", 1),
            Direction::NewestFirst => ("$lt", -1),
        };
        let mut after = after.map(Bson::String);
        let mut read = Vec::new();
        loop {
            let mut these = these.clone();
            if let Some(after) = &after {
                these.insert("_id", doc! { behind: after });
            } else if direction == Direction::NewestFirst {
                these.insert("_id", doc! { "$type": "string" }); // ids of other types sort above all strings; none is ours
            }
            let left = count - read.len();
            let limit = i64::try_from(left).unwrap_or(i64::MAX);
            let documents = self.collection::<RawDocumentBuf>(collection);
            let find = documents.find(these).sort(doc! { "_id": sort }).limit(limit);
            let found: Vec<_> = in_time(async { find.await?.try_collect().await }).await?;
            let is_last = found.len() < left;
            after = found.last().map(id_of);
            read.extend(found.into_iter().filter_map(|document| self.readable(collection, &document)));
            if is_last || read.len() >= count {
                return Ok(read);
            }
        }
    }

    /// The document as its type, if it can be read; else it is reported.
    pub(crate) fn readable<T: DeserializeOwned>(&self, collection: &str, document: &RawDocumentBuf) -> Option<T> {
        match deserialize_from_slice(document.as_bytes()) {
            Ok(read) => Some(read),
            Err(error) => {
                self.report_unreadable(collection, &id_of(document), &error);
                None
            }
        }
    }

    /// Counts a document that can't be read or used, in the metric `unreadable_documents_total`, and logs it: each one once
    /// for as long as the process runs.
    pub fn report_unreadable(&self, collection: &str, id: &Bson, why: &dyn Display) {
        self.reported().report(collection, id, why);
    }
}

fn id_of(document: &RawDocumentBuf) -> Bson {
    document.get("_id").ok().flatten().and_then(|id| id.try_into().ok()).unwrap_or(Bson::Null)
}
