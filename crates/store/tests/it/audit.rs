//! The audit reports how outbox and stream differ, and the repair resolves it.

use std::collections::BTreeSet;
use std::time::Duration;

use bus::Bus;
use events::{Subject, TicketCreated};
use mongodb::bson::{DateTime, Document, doc};
use service::launch;
use store::{Audit, Kind, Relay, Store, audit, repair};
use testkit::{Broker, Database, stored, until};

use super::{open, outbox, ticket};

async fn audited(bus: &Bus, store: &Store) -> Audit {
    audit(bus, std::slice::from_ref(store), &[Subject::TicketCreated], |_| ()).await.unwrap()
}

async fn record(store: &Store, count: usize) {
    for number in 0..count {
        let (outbox, event) = (outbox::<TicketCreated>(store), ticket(&number.to_string()));
        store.transaction(async move |tx| outbox.record(tx, &event).await).await.unwrap();
    }
}

async fn publish_all(store: &Store, bus: &Bus) {
    let mut relay = launch("relay", Relay::new(store, bus)).start();
    relay.ready().await.unwrap();
    let rows = store.collection::<Document>("outbox");
    let pending = doc! { "pending": { "$exists": true } };
    until("published", || async { rows.count_documents(pending.clone()).await.unwrap() == 0 }).await;
    relay.stop().await.result.unwrap();
}

#[tokio::test]
async fn exactly_the_deleted_messages_are_missing_until_the_repair() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 300).await;
    publish_all(store, &client.bus).await;
    let found = audited(&client.bus, store).await;
    assert_eq!((found.committed, found.stored, &found.findings[..]), (300, 300, &[][..]));

    let mut before = stored::<TicketCreated>(&broker).await;
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    let mut deleted = BTreeSet::new();
    for message in before.iter().step_by(7) {
        stream.delete_message(message.sequence).await.unwrap();
        deleted.insert(message.event_id.clone());
    }
    let found = audited(&client.bus, store).await;
    assert!(found.findings.iter().all(|finding| finding.kind == Kind::Missing && finding.sequences.is_empty()));
    let missing: BTreeSet<_> = found.findings.iter().map(|finding| finding.event_id.clone().unwrap()).collect();
    assert_eq!(missing, deleted);

    let repaired = repair(&client.bus, std::slice::from_ref(store), &found, |_| ()).await.unwrap();
    assert_eq!(repaired, deleted.len());
    assert!(audited(&client.bus, store).await.findings.is_empty());
    let mut after = stored::<TicketCreated>(&broker).await;
    for stored in [&mut before, &mut after] {
        stored.sort_by(|one, other| one.event_id.cmp(&other.event_id));
    }
    let same = |(before, after): (&testkit::Stored<_>, &testkit::Stored<_>)| {
        (&before.event_id, &before.event) == (&after.event_id, &after.event)
    };
    assert!(before.len() == after.len() && before.iter().zip(&after).all(same));
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn altered_unsent_unknown_and_duplicate_events_are_reported_as_such() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 3).await;
    publish_all(store, &client.bus).await;
    let rows = store.collection::<Document>("outbox");
    let before = stored::<TicketCreated>(&broker).await;
    let api = broker.outsider().await;
    let publish = async |event_id: &str, event: &TicketCreated| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", event_id);
        let payload = serde_json::to_string(event).unwrap();
        api.publish_with_headers("ticket:created", headers, payload.into()).await.unwrap().await.unwrap().sequence
    };
    let altered = TicketCreated { title: "another".to_owned(), ..before[0].event.clone() };
    api.get_stream("ticketing").await.unwrap().delete_message(before[0].sequence).await.unwrap();
    let altered = publish(&before[0].event_id, &altered).await;
    publish(&before[1].event_id, &before[1].event).await;
    let unknown = client.bus.publish(Subject::TicketCreated, "{}".into()).await.unwrap().sequence;
    record(store, 2).await; // while no relay is running
    let long_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 60_000);
    let last = doc! { "$set": { "recordedAt": long_ago } };
    rows.find_one_and_update(doc! {}, last).sort(doc! { "_id": -1 }).await.unwrap().unwrap();

    let found = audited(&client.bus, store).await;
    let reported: Vec<_> = found.findings.iter().map(|finding| (finding.kind, finding.sequences.clone())).collect();
    let expected = vec![
        (Kind::Altered, vec![altered]),
        (Kind::Duplicate, found.findings[1].sequences.clone()),
        (Kind::Unsent, vec![]),
        (Kind::Unknown, vec![unknown]),
    ];
    assert_eq!(reported, expected);
    assert_eq!(found.findings[1].sequences.len(), 2);

    repair(&client.bus, std::slice::from_ref(store), &found, |_| ()).await.unwrap();
    publish_all(store, &client.bus).await;
    let kinds: Vec<_> = audited(&client.bus, store).await.counts().into_iter().collect();
    assert_eq!(kinds, [(Kind::Unknown, 1), (Kind::Duplicate, 1)]);
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_altered_message_is_only_deleted_if_the_stream_has_the_true_one_too() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 1).await;
    publish_all(store, &client.bus).await;
    let before = stored::<TicketCreated>(&broker).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Event-Id", &*before[0].event_id);
    broker.outsider().await.publish_with_headers("ticket:created", headers, "{}".into()).await.unwrap().await.unwrap();
    let found = audited(&client.bus, store).await;
    assert_eq!(found.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [Kind::Altered]);
    assert_eq!(repair(&client.bus, std::slice::from_ref(store), &found, |_| ()).await.unwrap(), 1);
    let after = audited(&client.bus, store).await;
    assert_eq!((after.stored, after.agreed, &after.findings[..]), (1, 1, &[][..]));
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_outbox_that_has_lost_its_rows_does_not_agree_with_the_stream() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 2).await;
    publish_all(store, &client.bus).await;
    store.collection::<Document>("outbox").delete_many(doc! {}).await.unwrap();
    let found = audited(&client.bus, store).await;
    assert_eq!(found.counts().into_iter().collect::<Vec<_>>(), [(Kind::Unknown, 2)]);
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_audit_alongside_a_running_service_finds_nothing() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let mut relay = launch("relay", Relay::new(store, &client.bus)).start();
    relay.ready().await.unwrap();
    let audits = async {
        let mut found = Vec::new();
        for _ in 0..10 {
            found.extend(audited(&client.bus, store).await.findings);
            tokio::time::sleep(Duration::from_millis(20)).await; // at different moments of the concurrent work
        }
        found
    };
    let (found, ()) = tokio::join!(audits, record(store, 200));
    assert_eq!(found, []);
    relay.stop().await.result.unwrap();
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
