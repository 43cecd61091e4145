//! A document that can't be read hides no other.

use metrics_exporter_prometheus::PrometheusBuilder;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde::Deserialize;
use store::Direction;
use testkit::Database;

use super::open;

#[derive(Debug, PartialEq, Deserialize)]
struct Numbered {
    #[serde(rename = "_id")]
    id: String,
    number: i64,
}

fn numbered(id: &str, number: impl Into<Bson>) -> Document {
    doc! { "_id": id, "number": number }
}

#[tokio::test]
async fn pages_have_all_documents_that_can_be_read_and_each_other_one_is_counted_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counts = metrics::set_default_local_recorder(&recorder);
    let database = Database::new();
    let opened = open(database.uri()).await;
    let store = &opened.store;
    let documents = store.collection::<Document>("documents");
    documents
        .insert_many([
            numbered("a", "one"),
            numbered("b", 2),
            doc! { "_id": "c" },
            numbered("d", Bson::Null),
            numbered("e", 5),
            numbered("f", 6.5),
            numbered("g", 7),
            doc! { "_id": "h", "number": [8] },
            doc! { "_id": ObjectId::new(), "number": 9 },
            doc! { "_id": { "not": "text" }, "number": 9 },
        ])
        .await
        .unwrap();
    let both = [(Direction::OldestFirst, [2, 5, 7]), (Direction::NewestFirst, [7, 5, 2])];
    for (size, (direction, expected)) in (1..=4).flat_map(|size| both.map(|one| (size, one))) {
        let (mut numbers, mut after) = (Vec::new(), None);
        loop {
            let page: Vec<Numbered> =
                store.read_page("documents", doc! {}, direction, after.clone(), size).await.unwrap();
            numbers.extend(page.iter().map(|one| one.number));
            if page.len() < size {
                break;
            }
            after = page.last().map(|one| one.id.clone());
        }
        assert_eq!(numbers, expected, "pages of {size}, {direction:?}");
    }
    for (count, numbers) in [(0, vec![]), (1, vec![2]), (2, vec![2, 5]), (usize::MAX, vec![2, 5, 7])] {
        let found = documents.clone_with_type::<RawDocumentBuf>().find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        let read: Vec<Numbered> = store.read("documents", found, count).await.unwrap();
        assert_eq!(read.into_iter().map(|one| one.number).collect::<Vec<_>>(), numbers);
    }
    let counted = recorder.handle().render();
    assert!(counted.contains("unreadable_documents_total{collection=\"documents\"} 7\n"), "{counted}");
    opened.close().await;
}
