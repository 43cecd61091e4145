//! An event takes effect once, however often it is delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bus::EVENT_ID;
use events::{Subject, TicketUpdated};
use mongodb::bson::{Document, doc};
use testkit::{Broker, Database, Mongod, stored, until};

use super::harness::{Seller, World, listen, relay};
use crate::{open, ticket};

fn json(title: &str) -> String {
    serde_json::to_string(&ticket(title)).unwrap()
}

/// Publishes the same event as a message of its own, as a repair does.
async fn publish_again(broker: &Broker, payload: &str, event_id: &str) {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(EVENT_ID, event_id);
    let publish = broker.outsider().await;
    let publish = publish.publish_with_headers("ticket:created", headers, payload.to_owned().into());
    publish.await.unwrap().await.unwrap();
}

#[tokio::test]
async fn an_event_delivered_three_times_takes_effect_and_is_published_once() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let relay = world.relay().await;
    let called = Arc::new(AtomicU32::new(0));
    let listener = world.listen(Seller { called: Arc::clone(&called), ..Seller::default() }).await;
    let payload = json("concert");
    for _ in 0..3 {
        publish_again(&broker, &payload, "one-event").await;
    }
    assert_eq!(world.sold(1).await, [1]);
    world.settled().await;
    assert_eq!(world.sold(1).await, [1]);
    assert_eq!(world.announced(1).await.len(), 1);
    listener.stop().await.result.unwrap();
    relay.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn events_of_other_programs_without_an_id_take_effect_once_each() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let listener = world.listen(Seller::default()).await;
    let outsider = broker.outsider().await;
    for title in ["a", "b"] {
        outsider.publish("ticket:created", json(title).into()).await.unwrap().await.unwrap();
    }
    assert_eq!(world.sold(2).await, [1, 1]);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_listener_that_is_added_later_sees_earlier_events() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    for number in 0..100 {
        world.client.publish_to(Subject::TicketCreated, json(&number.to_string())).await;
    }
    let listener = world.listen(Seller::default()).await;
    assert_eq!(world.sold(100).await, [1; 100]);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn every_event_takes_effect_once_though_database_and_broker_are_killed() {
    const EVENTS: u64 = 300;
    let (mut mongod, mut broker) = (Mongod::start().await, Broker::start().await);
    let feeder = broker.connect("feeder").await;
    for number in 0..EVENTS {
        feeder.publish(json(&number.to_string())).await;
    }
    feeder.close().await;
    let (opened, client) = (open(&mongod.uri("test")).await, broker.connect("a").await);
    let called = Arc::new(AtomicU32::new(0));
    let seller = Seller { called: Arc::clone(&called), ..Seller::default() };
    let parts = [relay(&opened.store, &client.bus).await, listen(&opened.store, &client.bus, seller).await.unwrap()];
    until("some handled", || async { called.load(Ordering::Relaxed) >= 20 }).await;
    mongod.kill().await;
    mongod.restart().await;
    until("more handled", || async { called.load(Ordering::Relaxed) >= 100 }).await;
    broker.kill().await;
    broker.restart().await;

    let sales = opened.store.collection::<Document>("sales");
    until("sold", || async { sales.count_documents(doc! {}).await.is_ok_and(|sold| sold == EVENTS) }).await;
    assert_eq!(sales.count_documents(doc! { "sold": { "$ne": 1 } }).await.unwrap(), 0);
    let announced = async || u64::try_from(stored::<TicketUpdated>(&broker).await.len()).unwrap();
    until("published", || async { announced().await >= EVENTS }).await;
    assert_eq!(announced().await, EVENTS);
    for part in parts {
        part.stop().await.result.unwrap();
    }
    client.close().await;
    opened.close().await;
    broker.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn an_event_waits_for_a_database_that_is_away_longer_than_an_attempt_lasts() {
    let (mut mongod, broker) = (Mongod::start().await, Broker::start().await);
    let (opened, client) = (open(&mongod.uri("test")).await, broker.connect("a").await);
    let limits = bus::Limits { attempts: 1, ..Default::default() };
    let listener = listen(&opened.store, &client.bus, Seller { limits, ..Seller::default() }).await.unwrap();
    mongod.kill().await;
    client.publish(json("concert")).await;
    tokio::time::sleep(std::time::Duration::from_secs(9)).await; // a transaction is retried for 5 s
    mongod.restart().await;
    let sales = opened.store.collection::<Document>("sales");
    until("sold", || async { sales.count_documents(doc! { "sold": 1 }).await.is_ok_and(|sold| sold == 1) }).await;
    let mut dead = broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
    listener.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn an_event_whose_error_quotes_its_whole_payload_becomes_a_dead_letter() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let listener = world.listen(Seller::default()).await;
    let invisible = "\u{200b}".repeat(150_000);
    world.client.publish(format!(r#"{{"id":"{invisible}"}}"#)).await;
    assert!(world.next_dead_letter().await.reason.contains("is not an id"));
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}
