//! Collections: the documents of each in a file as mongodump writes it, its indexes as JSON beside it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter};
use std::path::Path;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::json;

const DOCUMENTS: &str = "bson";
const METADATA: &str = "metadata.json";

async fn database(uri: &str) -> mongodb::Database {
    mongodb::Client::with_uri_str(uri).await.unwrap().default_database().unwrap()
}

/// Writes every collection of the URI's database, in the order of the ids.
pub async fn dump_collections(uri: &str, folder: &Path) {
    let database = database(uri).await;
    fs::create_dir_all(folder).unwrap();
    for name in database.list_collection_names().await.unwrap() {
        let mut file = BufWriter::new(File::create(folder.join(format!("{name}.{DOCUMENTS}"))).unwrap());
        let mut found = database.collection::<Document>(&name).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        while let Some(document) = found.try_next().await.unwrap() {
            document.to_writer(&mut file).unwrap();
        }
        let listed = database.run_command(doc! { "listIndexes": &name }).await.unwrap();
        let indexes = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        let metadata = serde_json::to_string_pretty(&json!({ "collectionName": name, "indexes": indexes })).unwrap();
        fs::write(folder.join(format!("{name}.{METADATA}")), metadata + "\n").unwrap();
    }
}

/// The documents of one file.
pub fn documents(file: &Path) -> Vec<Document> {
    let mut reader = BufReader::new(File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    let mut documents = Vec::new();
    while !reader.fill_buf().unwrap().is_empty() {
        documents.push(Document::from_reader(&mut reader).unwrap());
    }
    documents
}

/// Puts every collection of a dump, with its indexes, into the URI's database.
///
/// Times by which an index removes documents are moved: the latest of a collection is now, as if the dump had just been
/// made. Else the server would remove the documents while a test looks at them.
pub async fn restore_collections(uri: &str, folder: &Path) {
    let database = database(uri).await;
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != DOCUMENTS) {
            continue;
        }
        let name = file.file_stem().unwrap().to_str().unwrap();
        let mut documents = documents(&file);
        move_to_now(&mut documents, WAITING_SINCE);
        let metadata = fs::read_to_string(file.with_extension(METADATA)).unwrap();
        let mut metadata: Document = serde_json::from_str(&metadata).unwrap();
        let indexes = metadata.get_array_mut("indexes").unwrap();
        for index in indexes.iter().filter_map(Bson::as_document) {
            if index.contains_key("expireAfterSeconds") {
                let field = index.get_document("key").unwrap().keys().next().unwrap();
                move_to_now(&mut documents, field);
            }
        }
        let indexes: Vec<_> = indexes.drain(..).filter(|index| !is_on_id(index)).collect();
        database.create_collection(name).await.unwrap();
        if !indexes.is_empty() {
            database.run_command(doc! { "createIndexes": name, "indexes": indexes }).await.unwrap();
        }
        if !documents.is_empty() {
            database.collection::<Document>(name).insert_many(documents).await.unwrap();
        }
    }
}

/// The field with the time since which an event waits: it gives up after an hour, as if the dump had been restored late.
const WAITING_SINCE: &str = "waitingSince";

/// Every collection has that index from the beginning.
fn is_on_id(index: &Bson) -> bool {
    index.as_document().unwrap().get_str("name").unwrap() == "_id_"
}

fn move_to_now(documents: &mut [Document], field: &str) {
    let times = documents.iter().filter_map(|document| document.get_datetime(field).ok());
    let Some(latest) = times.max() else { return };
    let by = DateTime::now().timestamp_millis() - latest.timestamp_millis();
    for document in documents {
        if let Some(Bson::DateTime(time)) = document.get_mut(field) {
            *time = DateTime::from_millis(time.timestamp_millis() + by);
        }
    }
}
