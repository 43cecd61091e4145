//! Indexes: each service creates those that it needs, and lives with what an operator has changed.
//!
//! MongoDB refuses to create an index that exists with other options. What the difference means decides then:
//!
//! * An index of the same fields under another name does the same work.
//! * Another time after which documents expire is the operator's decision, and stays. A shorter one is reported, since
//!   something relies on the time; nothing breaks at once.
//! * Any other difference changes what may be written or what is found: a unique index that is not unique. That is an error
//!   which names the index, the difference and what to do.

use anyhow::{anyhow, bail};
use mongodb::bson::{Bson, Document, doc, serialize_to_document};
use mongodb::error::{Error as DatabaseError, ErrorKind};
use mongodb::{Collection, IndexModel};
use service::Error;

use crate::Store;
use crate::error::{DUPLICATE_KEY, plain};

/// MongoDB's codes for an index that exists with other options, or whose name another index has.
const CONFLICTS: [i32; 2] = [85, 86];

/// MongoDB's code for a missing right.
const UNAUTHORIZED: i32 = 13;

/// The options that decide what may be written and what is found, as MongoDB calls them.
const DECISIVE: [&str; 4] = ["unique", "sparse", "partialFilterExpression", "collation"];

const EXPIRY: &str = "expireAfterSeconds";

impl Store {
    /// Creates an index, however long the database is away: call it alongside the request to stop.
    ///
    /// An index of the same fields that an operator has renamed, or whose documents expire after another time, stays as it
    /// is; a shorter time is logged as a warning.
    ///
    /// # Errors
    ///
    /// When the database refuses it: an existing index differs from it, the documents do not allow it, or a right is
    /// missing. The error says what to do.
    pub async fn ensure_index(&self, collection: &str, index: IndexModel) -> Result<(), Error> {
        let documents: Collection<Document> = self.collection(collection);
        let namespace = documents.namespace();
        let what = format!("failed to create an index of {namespace}");
        let wanted = serialize_to_document(&index)?;
        let create = async move || documents.create_index(index.clone()).await;
        let created = self.once_it_answers(&what, create).await;
        let Err(error) = created else { return Ok(()) };
        match code(&error) {
            Some(code) if CONFLICTS.contains(&code) => {}
            Some(UNAUTHORIZED) => bail!(
                "{what}: {}: give the user of MONGO_URI the role readWrite on {}",
                plain(&error),
                self.database().name()
            ),
            Some(DUPLICATE_KEY) => bail!("{what}: {}: remove the duplicate documents, and start again", plain(&error)),
            _ => bail!("{what}: {}", plain(&error)),
        }
        let (database, command) = (self.database().clone(), doc! { "listIndexes": collection });
        let list = async move || database.run_command(command.clone()).await;
        let existing = self.once_it_answers(&what, list).await;
        let existing =
            existing.map_err(|error| anyhow!("failed to list the indexes of {namespace}: {}", plain(&error)))?;
        let existing = existing.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        let mut existing = existing.into_iter().flatten().filter_map(Bson::as_document);
        let Some(existing) = existing.find(|existing| has_same_fields(existing, &wanted)) else {
            bail!(
                "{what}: another index has its name: drop that one, and start again; it is to be {} ({})",
                in_short(&wanted),
                plain(&error)
            );
        };
        accept(existing, &wanted, &namespace.to_string(), collection)
    }
}

fn code(error: &DatabaseError) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        _ => None,
    }
}

/// Whether both are indexes of the same fields in the same order. A number may be stored as any type.
fn has_same_fields(one: &Document, other: &Document) -> bool {
    let fields = |index: &Document| -> Vec<(String, Result<i64, Bson>)> {
        let keys = index.get_document("key").into_iter().flatten();
        keys.map(|(field, order)| (field.clone(), number(order).ok_or_else(|| order.clone()))).collect()
    };
    fields(one) == fields(other)
}

/// Accepts an index of the same fields, if the difference is the operator's to decide.
fn accept(existing: &Document, wanted: &Document, namespace: &str, collection: &str) -> Result<(), Error> {
    let name = existing.get_str("name").unwrap_or("without a name");
    let differs = |option: &&str| decisive(existing, option) != decisive(wanted, option);
    let mut different: Vec<_> = DECISIVE.into_iter().filter(differs).collect();
    let expires = |index: &Document| index.get(EXPIRY).and_then(number);
    let change = |seconds: i64| {
        format!("db.runCommand({{ collMod: {collection:?}, index: {{ name: {name:?}, {EXPIRY}: {seconds} }} }})")
    };
    match (expires(existing), expires(wanted)) {
        (Some(_), None) => different.push(EXPIRY),
        (Some(is), Some(wanted)) if is < wanted => tracing::warn!(
            "the index {name} of {namespace} removes documents after {is} s and not after {wanted} s, and stays so: what \
             happened longer ago is not recognised by an inbox or an audit; to change it: {}",
            change(wanted)
        ),
        (None, Some(wanted)) => tracing::warn!(
            "the index {name} of {namespace} removes no documents, and stays so: the collection grows; to remove them after \
             {wanted} s: {}",
            change(wanted)
        ),
        _ => {}
    }
    if different.is_empty() {
        return Ok(());
    }
    bail!(
        "the index {name} of {namespace} is {} and must be {} (they differ in {}): drop it with db.{collection}.dropIndex({name:?}) \
         and start again, which creates it",
        in_short(existing),
        in_short(wanted),
        different.join(", ")
    )
}

/// An option as it counts: one that is false is the same as none.
fn decisive<'a>(index: &'a Document, option: &str) -> Option<&'a Bson> {
    index.get(option).filter(|value| **value != Bson::Boolean(false))
}

/// The options of an index that count, in one line.
fn in_short(index: &Document) -> String {
    let options = DECISIVE.into_iter().chain([EXPIRY]).filter_map(|option| Some((option, decisive(index, option)?)));
    let options: Document = options.map(|(option, value)| (option.to_owned(), value.clone())).collect();
    let key = index.get_document("key").cloned().unwrap_or_default();
    if options.is_empty() { key.to_string() } else { format!("{key} with {options}") }
}

/// A whole number of any type.
fn number(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some((*number).into()),
        Bson::Int64(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, reason = "a time in seconds, or 1 and -1")]
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}
