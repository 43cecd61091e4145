//! Committed events are published once, and in the order of versions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use bus::Bus;
use events::{Event, TicketCreated, TicketUpdated};
use futures_util::future::join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::error::Error;
use opentelemetry::trace::SpanBuilder;
use service::{Running, launch};
use store::{Relay, Store};
use telemetry::{Tracer, remote_context};
use testkit::{Broker, Database, stored, until};
use tokio::time::sleep;

use super::{open, outbox, ticket, update};

async fn relay(store: &Store, bus: &Bus) -> Running<()> {
    let mut running = launch("relay", Relay::new(store, bus)).start();
    running.ready().await.unwrap();
    running
}

async fn record<E: Event + Clone>(store: &Store, event: &E) {
    let (outbox, event) = (outbox(store), event.clone());
    store.transaction(async move |tx| outbox.record(tx, &event).await).await.unwrap();
}

async fn pending(store: &Store) -> u64 {
    let pending = doc! { "pending": { "$exists": true } };
    store.collection::<Document>("outbox").count_documents(pending).await.unwrap()
}

/// Records an event as a process that was killed after the commit.
async fn leave<E: Event + Clone>(store: &Store, event: &E) {
    record(store, event).await;
    let last = doc! { "$set": { "pending": "a process that is gone" } };
    let rows = store.collection::<Document>("outbox");
    rows.find_one_and_update(doc! {}, last).sort(doc! { "_id": -1 }).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_committed_event_is_published_with_the_id_of_its_row_and_an_aborted_one_never() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let running = relay(store, &client.bus).await;
    let (outbox, lost) = (outbox(store), ticket("lost"));
    let aborted = store.transaction(async move |tx| {
        outbox.record(tx, &lost).await?;
        Err::<(), _>(Error::custom("no"))
    });
    aborted.await.unwrap_err();
    let event = ticket("concert");
    let sender = remote_context(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), None);
    let step = Tracer::default().begin(sender, || SpanBuilder::from_name("sale"));
    step.scope(record(store, &event)).await;
    until("published", || async { pending(store).await == 0 }).await;

    let [published] = &stored::<TicketCreated>(&broker).await[..] else { panic!("one event") };
    assert_eq!(published.event, event);
    let row = store.collection::<Document>("outbox").find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(row.get_object_id("_id").unwrap().to_hex(), published.event_id);
    assert_eq!(row.get_str("traceparent").unwrap(), published.traceparent.as_deref().unwrap());
    assert!(matches!(row.get("publishedAt"), Some(Bson::DateTime(_))), "{row}");
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn events_committed_while_the_broker_is_away_arrive_once_and_in_order_when_it_is_back() {
    let (database, mut broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let running = relay(store, &client.bus).await;
    let tickets: Vec<_> = (0..5).map(|number| ticket(&number.to_string())).collect();
    let sell = async |versions: std::ops::Range<u64>| {
        join_all(tickets.iter().map(|ticket| {
            let versions = versions.clone();
            async move {
                for version in versions {
                    record(store, &update(ticket, version)).await;
                }
            }
        }))
        .await;
    };
    sell(1..20).await;
    broker.kill().await;
    sell(20..40).await;
    sleep(Duration::from_millis(300)).await; // long enough to mark unconfirmed events as published by mistake
    assert!(pending(store).await >= 100);
    broker.restart().await;
    sell(40..60).await;
    until("published", || async { pending(store).await == 0 }).await;

    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for update in stored::<TicketUpdated>(&broker).await {
        versions.entry(update.event.title).or_default().push(update.event.version);
    }
    assert_eq!(versions.len(), 5);
    for versions in versions.values() {
        assert_eq!(*versions, (1..60).collect::<Vec<_>>());
    }
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn events_that_a_killed_process_has_left_are_published_by_another() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    for number in 0..1200 {
        leave(store, &ticket(&number.to_string())).await;
    }
    let running = relay(store, &client.bus).await;
    until("published", || async { pending(store).await == 0 }).await;
    let titles: BTreeSet<_> = stored::<TicketCreated>(&broker).await.into_iter().map(|one| one.event.title).collect();
    assert_eq!(titles.len(), 1200);
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_version_waits_for_the_previous_one_of_any_process() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let ticket = ticket("concert");
    record(store, &update(&ticket, 3)).await; // the clock of this process is behind that of the other one
    leave(store, &update(&ticket, 1)).await;
    leave(store, &update(&ticket, 2)).await;
    leave(store, &update(&ticket, 4)).await;
    let running = relay(store, &client.bus).await;
    until("the events of this process are published", || async { stored::<TicketUpdated>(&broker).await.len() >= 3 })
        .await;
    until("all published", || async { pending(store).await == 0 }).await;
    let versions: Vec<_> = stored::<TicketUpdated>(&broker).await.iter().map(|one| one.event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4]);
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn two_processes_on_one_database_publish_each_version_once_and_in_order() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (one, other) = (open(database.uri()).await, open(database.uri()).await);
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    let relays = [relay(&one.store, &a.bus).await, relay(&other.store, &b.bus).await];
    let ticket = ticket("concert");
    for version in 1..200 {
        let store = if version % 2 == 0 { &one.store } else { &other.store };
        record(store, &update(&ticket, version)).await;
    }
    until("published", || async { pending(&one.store).await == 0 }).await;
    let versions: Vec<_> = stored::<TicketUpdated>(&broker).await.iter().map(|one| one.event.version).collect();
    assert_eq!(versions, (1..200).collect::<Vec<_>>());
    for relay in relays {
        relay.stop().await.result.unwrap();
    }
    a.close().await;
    b.close().await;
    one.close().await;
    other.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_relay_publishes_the_events_recorded_before_its_stop() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let running = relay(&opened.store, &client.bus).await;
    record(&opened.store, &ticket("concert")).await;
    running.stop().await.result.unwrap();
    assert_eq!(stored::<TicketCreated>(&broker).await.len(), 1);
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_commit_is_published_immediately_and_not_by_a_sweep() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let relay = Relay { sweep_every: Duration::from_secs(60 * 60), ..Relay::new(&opened.store, &client.bus) };
    let mut running = launch("relay", relay).start();
    running.ready().await.unwrap();
    for number in 1..=3 {
        record(&opened.store, &ticket("concert")).await;
        until("published", || async { stored::<TicketCreated>(&broker).await.len() == number }).await;
    }
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_the_broker_refuses_stays_and_blocks_its_own_record_only() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let (stuck, other, left) = (ticket("stuck"), ticket("other"), ticket("left"));
    record(store, &update(&stuck, 1)).await;
    let rows = store.collection::<Document>("outbox");
    let too_large = doc! { "$set": { "payload": "x".repeat(2 << 20) } };
    rows.update_one(doc! {}, too_large).await.unwrap();
    // More of them than one batch has.
    let row = rows.find_one(doc! {}).projection(doc! { "payload": 0 }).await.unwrap().unwrap();
    let later = (2..600).map(|version| {
        let mut row = row.clone();
        row.insert("_id", ObjectId::new());
        row.insert("version", version);
        row.insert("payload", serde_json::to_string(&update(&stuck, version.try_into().unwrap())).unwrap());
        row
    });
    rows.insert_many(later.collect::<Vec<_>>()).await.unwrap();
    record(store, &other).await;
    let running = relay(store, &client.bus).await;
    until("the event of another record is published", || async { stored::<TicketCreated>(&broker).await.len() == 1 })
        .await;
    leave(store, &left).await;
    until("the event of the killed process is published", || async {
        stored::<TicketCreated>(&broker).await.len() == 2
    })
    .await;
    until("these two are marked as published", || async { pending(store).await == 599 }).await;
    assert_eq!(stored::<TicketUpdated>(&broker).await.len(), 0);
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_row_that_can_not_be_read_blocks_its_own_record_only() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let rows = store.collection::<Document>("outbox");
    let blocked = ticket("blocked");
    let aggregate = format!("ticket/{}", blocked.id);
    let row = |changes: Document| {
        let mut row = doc! {
            "_id": ObjectId::new(), "pending": "gone", "subject": "ticket:created", "payload": "{}",
            "aggregate": format!("ticket/{}", ObjectId::new()), "version": 0_i64, "recordedAt": DateTime::now(),
        };
        row.extend(changes);
        row
    };
    let mut broken = vec![
        row(doc! { "payload": 5 }),
        row(doc! { "version": "first" }),
        row(doc! { "version": -1_i64 }),
        row(doc! { "aggregate": Bson::Null }),
        row(doc! { "aggregate": ["ticket"] }),
        row(doc! { "subject": Bson::Null, "aggregate": &aggregate }),
        row(doc! { "recordedAt": "today" }),
        row(doc! { "pending": 5 }),
        row(doc! { "pending": { "process": "gone" } }),
        row(doc! { "_id": "a text" }),
        row(doc! { "_id": DateTime::now() }),
        row(doc! { "_id": ObjectId::new(), "pending": store.database().name(), "traceparent": 5 }),
    ];
    broken[0].remove("recordedAt");
    rows.insert_many(&broken).await.unwrap();
    leave(store, &ticket("left before")).await;
    record(store, &update(&blocked, 1)).await;
    record(store, &ticket("ours")).await;
    let running = relay(store, &client.bus).await;
    until("all others are published", || async { pending(store).await == broken.len() as u64 + 1 }).await;
    record(store, &ticket("ours later")).await;
    leave(store, &ticket("left later")).await;
    until("later ones are published too", || async { pending(store).await == broken.len() as u64 + 1 }).await;
    let titles: BTreeSet<_> = stored::<TicketCreated>(&broker).await.into_iter().map(|one| one.event.title).collect();
    assert_eq!(titles, ["left before", "left later", "ours", "ours later"].map(str::to_owned).into());
    assert_eq!(stored::<TicketUpdated>(&broker).await.len(), 0, "the event after the one that can't be read");
    let repaired = doc! { "$set": { "subject": "ticket:updated", "payload": serde_json::to_string(&update(&blocked, 0)).unwrap() } };
    rows.update_one(doc! { "aggregate": &aggregate, "version": 0 }, repaired).await.unwrap();
    until("the repaired one and its follower are published", || async {
        stored::<TicketUpdated>(&broker).await.len() == 2
    })
    .await;
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn events_that_the_broker_never_confirms_delay_no_others_however_many_they_are() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    // A stream that stores what it gets, and does not answer.
    let silent =
        Config { name: "silent".to_owned(), subjects: vec!["silent".to_owned()], no_ack: true, ..Config::default() };
    client.bus.jetstream().create_stream(silent).await.unwrap();
    let rows = store.collection::<Document>("outbox");
    let mut unconfirmed = Vec::new();
    for number in 0..150 {
        let subject = ["silent", "no.stream.has.this", "ticket:*"][number % 3];
        unconfirmed.push(doc! {
            "_id": ObjectId::new(), "pending": if number % 2 == 0 { "gone" } else { "gone too" }, "subject": subject,
            "payload": "{}", "aggregate": format!("ticket/{}", ObjectId::new()), "version": 0_i64,
            "recordedAt": DateTime::now(),
        });
    }
    rows.insert_many(&unconfirmed).await.unwrap();
    let running = relay(store, &client.bus).await;
    let is_silent = doc! { "subject": "silent", "pending": { "$exists": true } };
    until("the relay has taken them over", || async {
        let silent = client.bus.jetstream().get_stream("silent").await.unwrap();
        silent.cached_info().state.messages > 0
    })
    .await;
    for number in 1..=6 {
        if number % 2 == 0 {
            leave(store, &ticket("left")).await
        } else {
            record(store, &ticket("ours")).await
        }
        until("published", || async { stored::<TicketCreated>(&broker).await.len() == number }).await;
        sleep(Duration::from_millis(300)).await; // so that each event meets those in flight at another moment
    }
    assert_eq!(rows.count_documents(is_silent).await.unwrap(), 50);
    until("only the others are pending", || async { pending(store).await == 150 }).await;
    running.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
