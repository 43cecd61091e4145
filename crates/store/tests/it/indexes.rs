//! Indexes that an operator has changed: kept where that is harmless, and named where it is not.

use std::time::Duration;

use bus::Bus;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use service::{Running, launch};
use store::{Relay, Store};
use testkit::{Broker, Database, until};

use super::{open, outbox, ticket};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn unique() -> IndexOptions {
    IndexOptions::builder().unique(true).build()
}

fn expiring(days: u32) -> IndexOptions {
    IndexOptions::builder().expire_after(DAY * days).build()
}

fn partial() -> IndexOptions {
    let some = doc! { "status": { "$exists": true } };
    IndexOptions::builder().unique(true).partial_filter_expression(some).build()
}

fn named(name: &str, options: IndexOptions) -> IndexOptions {
    let mut options = options;
    options.name = Some(name.to_owned());
    options
}

fn index(field: &str, options: IndexOptions) -> IndexModel {
    IndexModel::builder().keys(doc! { field: 1 }).options(options).build()
}

/// The indexes of a collection, without that of the ids.
async fn indexes(store: &Store, collection: &str) -> Vec<Document> {
    let listed = store.database().run_command(doc! { "listIndexes": collection }).await.unwrap();
    let all = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    all.iter()
        .filter_map(|one| one.as_document().cloned())
        .filter(|one| one.get_str("name").ok() != Some("_id_"))
        .collect()
}

#[tokio::test]
async fn an_index_that_an_operator_has_changed_stays_if_that_is_harmless() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    for (number, (theirs, ours)) in [
        (expiring(1), expiring(30)),
        (expiring(90), expiring(30)),
        (IndexOptions::default(), expiring(30)),
        (named("by_email", unique()), unique()),
        (named("theirs", partial()), partial()),
        (named("old", expiring(1)), expiring(30)),
        (expiring(30), expiring(30)),
    ]
    .into_iter()
    .enumerate()
    {
        let collection = format!("collection-{number}");
        opened.store.collection::<Document>(&collection).create_index(index("at", theirs)).await.unwrap();
        let before = indexes(&opened.store, &collection).await;
        for _ in 0..2 {
            opened.store.ensure_index(&collection, index("at", ours.clone())).await.unwrap();
        }
        assert_eq!((indexes(&opened.store, &collection).await, before.len()), (before, 1), "{number}");
    }
    opened.close().await;
}

#[tokio::test]
async fn an_index_that_would_let_wrong_documents_in_or_remove_some_is_named_with_what_to_do() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let name = opened.store.database().name();
    for (number, (theirs, ours, differs)) in [
        (IndexOptions::default(), unique(), "differ in unique"),
        (unique(), IndexOptions::default(), "differ in unique"),
        (unique(), partial(), "differ in partialFilterExpression"),
        (expiring(30), IndexOptions::default(), "differ in expireAfterSeconds"),
        (expiring(30), unique(), "differ in unique, expireAfterSeconds"),
    ]
    .into_iter()
    .enumerate()
    {
        let collection = format!("collection-{number}");
        opened.store.collection::<Document>(&collection).create_index(index("at", theirs)).await.unwrap();
        let refused = opened.store.ensure_index(&collection, index("at", ours)).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains(&format!("the index at_1 of {name}.{collection} is ")), "{refused}");
        assert!(refused.contains(differs), "{refused}");
        assert!(refused.contains(&format!("db.{collection}.dropIndex(\"at_1\")")), "{refused}");
        assert!(!refused.contains("Kind:") && !refused.contains("RawDocumentBuf"), "{refused}");
    }
    let taken = opened.store.collection::<Document>("taken");
    taken.create_index(index("other", named("at_1", IndexOptions::default()))).await.unwrap();
    let refused = format!("{:#}", opened.store.ensure_index("taken", index("at", unique())).await.unwrap_err());
    assert!(refused.contains("another index has its name") && !refused.contains("Kind:"), "{refused}");

    let twice = opened.store.collection::<Document>("twice");
    twice.insert_many([doc! { "at": 1 }, doc! { "at": 1 }]).await.unwrap();
    let refused = format!("{:#}", opened.store.ensure_index("twice", index("at", unique())).await.unwrap_err());
    assert!(
        refused.contains(&format!("{name}.twice")) && refused.contains("remove the duplicate documents"),
        "{refused}"
    );
    assert!(!refused.contains("Kind:") && !refused.contains('\n'), "{refused}");
    opened.close().await;
}

async fn relay(store: &Store, bus: &Bus) -> Running<()> {
    let mut running = launch("relay", Relay::new(store, bus)).start();
    running.ready().await.unwrap();
    running
}

#[tokio::test]
async fn a_relay_starts_on_an_outbox_whose_rows_an_operator_keeps_for_another_time() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    relay(store, &client.bus).await.stop().await.result.unwrap();
    for seconds in [86_400, 1_000_000_000] {
        let time = doc! { "keyPattern": { "publishedAt": 1 }, "expireAfterSeconds": seconds };
        store.database().run_command(doc! { "collMod": "outbox", "index": time }).await.unwrap();
        let running = relay(store, &client.bus).await;
        let (outbox, event) = (outbox(store), ticket("concert"));
        store.transaction(async move |tx| outbox.record(tx, &event).await).await.unwrap();
        let pending = doc! { "pending": { "$exists": true } };
        let rows = store.collection::<Document>("outbox");
        until("published", || async { rows.count_documents(pending.clone()).await.unwrap() == 0 }).await;
        running.stop().await.result.unwrap();
        let kept = indexes(store, "outbox").await;
        assert!(kept.iter().any(|index| index.get("expireAfterSeconds") == Some(&seconds.into())), "{kept:?}");
    }
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
