//! The meaning of a listener's result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::anyhow;
use bus::{Effects, Limits, Rejection};
use events::Subject;
use mongodb::bson::{Document, doc};
use store::Audit;
use testkit::{Broker, Database, until};

use super::harness::{AWAITED, SOON, Seller, World, write};
use crate::{open, ticket};

async fn publish(world: &World<'_>) {
    world.client.publish(serde_json::to_string(&ticket("concert")).unwrap()).await;
}

#[tokio::test]
async fn an_event_of_an_experiment_is_acked_without_a_handler_and_is_no_finding_of_the_audit() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let listener = world.listen(Seller::default()).await;
    let bus = &world.client.bus;
    for payload in ["{\"id\":\"123\",\"title\":\"concert\",\"price\":20}", "no JSON"] {
        bus.publish_experiment(Subject::TicketCreated, payload.into()).await.unwrap();
    }
    publish(&world).await;
    assert_eq!(world.sold(1).await, [1]);
    world.settled().await;
    let letters = broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(letters.cached_info().state.messages, 0);
    let mut audit = Audit::begin(bus, &[world.store().clone()], &[Subject::TicketCreated]).await.unwrap();
    let unknown = audit.findings().await.unwrap();
    assert_eq!(unknown.iter().map(|finding| finding.sequences.clone()).collect::<Vec<_>>(), [[3]], "the third only");
    audit.close().await;
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_failed_event_is_redelivered_until_it_is_handled_and_failed_attempts_have_no_effect() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let called = Arc::new(AtomicU32::new(0));
    let does = |before| if before < 2 { Err(anyhow!("not today").into()) } else { Ok(()) };
    let listener = world.listen(Seller { does, called: Arc::clone(&called), ..Seller::default() }).await;
    publish(&world).await;
    assert_eq!(world.sold(1).await, [1]);
    assert_eq!(called.load(Ordering::Relaxed), 3);
    let failures = world.store().collection::<Document>("failures").find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(failures.get_i32("count").unwrap(), 2);
    assert_eq!(world.store().collection::<Document>("outbox").count_documents(doc! {}).await.unwrap(), 1);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn after_its_last_attempt_an_event_is_a_dead_letter_with_its_history_and_a_panic_is_an_attempt() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does = |before| if before == 1 { panic!("over the edge") } else { Err(anyhow!("attempt {before}").into()) };
    let limits = Limits { attempts: 3, ..Limits::default() };
    let listener = world.listen(Seller { does, limits, ..Seller::default() }).await;
    publish(&world).await;
    let letter = world.next_dead_letter().await;
    assert_eq!(letter.reason, "failed 3 times, the last time: attempt 2");
    let history: Vec<_> = letter.history.iter().map(|one| one.error.as_str()).collect();
    assert_eq!(history, ["attempt 0", "the listener panicked: over the edge", "attempt 2"]);
    assert!(letter.history.is_sorted_by_key(|one| one.at));
    world.settled().await;
    assert_eq!(world.store().collection::<Document>("sales").count_documents(doc! {}).await.unwrap(), 0);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_discarded_or_invalid_event_is_a_dead_letter_immediately_and_blocks_no_other() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does = |before| if before == 0 { Err(Rejection::Discard(anyhow!("no such thing"))) } else { Ok(()) };
    let listener = world.listen(Seller { does, ..Seller::default() }).await;
    publish(&world).await;
    assert_eq!(world.next_dead_letter().await.reason, "no such thing");
    world.client.publish(r#"{"id":"123","title":"concert","price":20}"#).await;
    publish(&world).await;
    assert_eq!(world.sold(1).await, [1]);
    world.settled().await;
    let letters = broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    let last = letters.get_raw_message(2).await.unwrap();
    let reason = last.headers.get("Dead-Letter-Reason").unwrap().as_str();
    assert!(reason.starts_with("not the JSON of ticket:created: \"123\" is not an id"), "{reason}");
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_arrives_too_early_waits_without_using_an_attempt() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does = |before: u32| if before < 5 { Err(Rejection::until(AWAITED, before.into())) } else { Ok(()) };
    let called = Arc::new(AtomicU32::new(0));
    let limits = Limits { attempts: 1, ..Limits::default() };
    let listener = world.listen(Seller { does, limits, called: Arc::clone(&called) }).await;
    publish(&world).await;
    for version in 0..5 {
        until("called", || async { u64::from(called.load(Ordering::Relaxed)) > version }).await;
        write(world.store(), AWAITED, version).await;
    }
    assert_eq!(world.sold(1).await, [1]);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_waits_too_long_is_a_dead_letter() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let limits = Limits { wait: SOON, ..Limits::default() };
    let listener =
        world.listen(Seller { does: |_| Err(Rejection::until(AWAITED, 3)), limits, ..Seller::default() }).await;
    publish(&world).await;
    let letter = world.next_dead_letter().await;
    assert_eq!(letter.reason, format!("version 3 of order/{AWAITED} did not arrive within 300ms"));
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn failures_are_counted_again_from_one_if_their_note_can_not_be_read() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let store = &opened.store;
    let notes = store.collection::<Document>("failures");
    for (number, note) in [
        doc! { "count": "many", "history": [] },
        doc! { "count": 3, "history": "long" },
        doc! { "count": 3, "history": [{ "error": 5 }] },
        doc! { "count": -5, "history": [] },
        doc! { "count": 3, "history": [7] },
    ]
    .into_iter()
    .enumerate()
    {
        let event = format!("event-{number}");
        let mut note = note;
        note.insert("_id", format!("tickets/{event}"));
        notes.insert_one(note).await.unwrap();
        for count in 1..=3 {
            let failures = store.failed("tickets", &event, "not today").await.unwrap();
            assert_eq!((failures.count, failures.history.len()), (count, count as usize), "{event}");
        }
    }
    opened.close().await;
}
