//! Which documents were reported as not readable.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use mongodb::bson::Bson;

/// How many documents are remembered, and so reported.
const MAX_REPORTED: usize = 10_000;

/// The documents that were reported, by collection and id.
#[derive(Debug, Default)]
pub(crate) struct Reported(Mutex<HashSet<(String, String)>>);

impl Reported {
    /// Counts and logs a document, if that was not done before.
    pub(crate) fn report(&self, collection: &str, id: &Bson, why: &dyn Display) {
        let id = text_of(id);
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < MAX_REPORTED && reported.insert((collection.to_owned(), id.clone())) {
            drop(reported);
            metrics::counter!("unreadable_documents_total", "collection" => collection.to_owned()).increment(1);
            let why = why.to_string();
            let why = why.lines().next().unwrap_or_default();
            tracing::error!(collection, id, "a document can't be read, and is left out: repair or delete it ({why})");
        }
    }
}

/// The id of a document in words, whatever its type.
pub(crate) fn text_of(id: &Bson) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
