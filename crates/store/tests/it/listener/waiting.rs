//! Events that wait for an earlier one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bus::Rejection;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc};
use store::Store;
use testkit::{Broker, Database, until};

use super::harness::{AWAITED, Does, Seller, World, write};
use crate::{open, ticket};

const GROUP: &str = "tickets";

const LONG_AGO: DateTime = DateTime::from_millis(0);

/// Waits for version 2 of a record at the first attempt.
const WAITS_ONCE: Does = |before| if before == 0 { Err(Rejection::until(AWAITED, 2)) } else { Ok(()) };

async fn publish(world: &World<'_>) {
    world.client.publish(serde_json::to_string(&ticket("concert")).unwrap()).await;
}

/// A row of an event with bytes that are not its payload, which waits for this version.
fn row(id: &str, version: i64, since: DateTime) -> Document {
    doc! {
        "_id": format!("{GROUP}/{id}"), "group": GROUP, "id": id, "subject": "ticket:created",
        "record": format!("order/{AWAITED}"), "version": version,
        "payload": Binary { subtype: BinarySubtype::Generic, bytes: b"{}".to_vec() },
        "headers": [], "sequence": 1_i64, "deliveries": 1_i64, "publishedNanos": 0_i64, "since": since,
    }
}

async fn count(store: &Store, collection: &str) -> u64 {
    store.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
}

/// Waits until the event was tried this often.
async fn called(calls: &AtomicU32, times: u32) {
    until("called", || async { calls.load(Ordering::Relaxed) >= times }).await;
}

#[tokio::test]
async fn a_commit_of_this_process_wakes_the_event_and_an_earlier_version_does_not() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let calls = Arc::new(AtomicU32::new(0));
    let listener = world.listen(Seller { does: WAITS_ONCE, called: Arc::clone(&calls), ..Seller::default() }).await;
    publish(&world).await;
    called(&calls, 1).await;
    write(world.store(), AWAITED, 1).await;
    write(world.store(), AWAITED, 2).await;
    assert_eq!(world.sold(1).await, [1]);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(count(world.store(), "waiting").await, 0, "it was not stored");
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_the_event() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (world, other) = (World::new(&database, &broker).await, open(database.uri()).await);
    let calls = Arc::new(AtomicU32::new(0));
    let listener = world.listen(Seller { does: WAITS_ONCE, called: Arc::clone(&calls), ..Seller::default() }).await;
    publish(&world).await;
    called(&calls, 1).await;
    write(&other.store, AWAITED, 2).await;
    assert_eq!(world.sold(1).await, [1]);
    listener.stop().await.result.unwrap();
    other.close().await;
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_waits_for_longer_is_stored_and_acked_and_the_commit_takes_it_from_there() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does: Does = |before| if before < 2 { Err(Rejection::until(AWAITED, 2)) } else { Ok(()) };
    let listener = world.listen(Seller { does, ..Seller::default() }).await;
    publish(&world).await;
    until("stored", || async { count(world.store(), "waiting").await == 1 }).await;
    world.settled().await;
    assert_eq!(count(world.store(), "sales").await, 0);
    write(world.store(), AWAITED, 2).await;
    assert_eq!(world.sold(1).await, [1]);
    until("removed", || async { count(world.store(), "waiting").await == 0 }).await;
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_stored_event_whose_record_was_written_while_nobody_listened_is_found() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does: Does = |before| if before < 2 { Err(Rejection::until(AWAITED, 2)) } else { Ok(()) };
    let called = Arc::new(AtomicU32::new(0));
    let seller = || Seller { does, called: Arc::clone(&called), ..Seller::default() };
    let listener = world.listen(seller()).await;
    publish(&world).await;
    until("stored", || async { count(world.store(), "waiting").await == 1 }).await;
    world.settled().await;
    listener.stop().await.result.unwrap();
    write(world.store(), AWAITED, 2).await;
    let listener = world.listen(seller()).await;
    assert_eq!(world.sold(1).await, [1]);
    until("removed", || async { count(world.store(), "waiting").await == 0 }).await;
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_waits_for_what_is_there_already_has_failed() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    write(world.store(), AWAITED, 5).await;
    let limits = bus::Limits { attempts: 2, ..bus::Limits::default() };
    let does: Does = |_| Err(Rejection::until(AWAITED, 2));
    let listener = world.listen(Seller { does, limits, ..Seller::default() }).await;
    publish(&world).await;
    let why = format!("the event waits for version 2 of order/{AWAITED}, which has version 5");
    assert_eq!(world.next_dead_letter().await.reason, format!("failed 2 times, the last time: {why}"));
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_stop_returns_the_events_that_wait_and_the_next_listener_has_them_at_once() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does: Does = |before| if before < 3 { Err(Rejection::until(AWAITED, 2)) } else { Ok(()) };
    let calls = Arc::new(AtomicU32::new(0));
    let seller = || Seller { does, called: Arc::clone(&calls), ..Seller::default() };
    let listener = world.listen(seller()).await;
    for _ in 0..3 {
        publish(&world).await;
    }
    called(&calls, 3).await;
    listener.stop().await.result.unwrap();
    assert_eq!(count(world.store(), "waiting").await, 0);
    let listener = world.listen(seller()).await;
    assert_eq!(world.sold(3).await, [1, 1, 1]);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_wait_too_far_ahead_or_have_no_listener_block_no_other() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let with = |id: &str, field: &str, value: Bson| {
        let mut row = row(id, 0, DateTime::now());
        row.insert(field, value);
        row
    };
    let mut rows: Vec<_> = (0..300).map(|number| row(&format!("a-{number}"), 1000 + number, DateTime::now())).collect();
    let mut orphan = row("b-orphan", 0, LONG_AGO);
    orphan.insert("subject", "ticket:updated");
    rows.push(orphan);
    rows.extend([
        with("b-record", "record", "something".into()),
        with("b-since", "since", "yesterday".into()),
        with("b-payload", "payload", 7.into()),
        with("b-version", "version", "1".into()),
        with("b-headers", "headers", Bson::Null),
        with("b-published", "publishedNanos", Bson::Null),
    ]);
    world.store().collection::<Document>("waiting").insert_many(rows).await.unwrap();

    let does: Does = |before| if before < 2 { Err(Rejection::until(AWAITED, 2)) } else { Ok(()) };
    let listener = world.listen(Seller { does, ..Seller::default() }).await;
    publish(&world).await;
    let waiting = world.store().collection::<Document>("waiting");
    let number_of = async |keys: Document| waiting.count_documents(doc! { "_id": keys }).await.unwrap();
    let ours = doc! { "$not": { "$regex": "/[ab]-" } };
    until("stored", || async { number_of(ours.clone()).await == 1 }).await;
    write(world.store(), AWAITED, 2).await;
    assert_eq!(world.sold(1).await, [1]);
    until("removed", || async { number_of(ours.clone()).await == 0 }).await;
    assert_eq!(number_of(doc! { "$regex": "/b-" }).await, 7, "they are left for a person");
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn dead_letters_of_stored_events_are_tried_again_while_the_broker_is_away_and_delay_no_stop() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let listener = world.listen(Seller::default()).await;
    broker.freeze();
    let rows = (0..100).map(|number| row(&number.to_string(), 1000, LONG_AGO));
    let waiting = world.store().collection::<Document>("waiting");
    waiting.insert_many(rows).await.unwrap();
    let tried = doc! { "notBefore": { "$exists": true } };
    until("tried and put off", || async { waiting.count_documents(tried.clone()).await.unwrap() > 64 }).await;
    listener.stop().await.result.unwrap();
    broker.wake();
    assert_eq!(count(world.store(), "waiting").await, 100, "none is lost");
    let listener = world.listen(Seller::default()).await;
    until("all are dead letters", || async { count(world.store(), "waiting").await == 0 }).await;
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}
