//! The audit reports how outbox and stream differ, and the repair resolves it.

use std::collections::BTreeSet;
use std::time::Duration;

use bus::Bus;
use events::{Subject, TicketCreated};
use futures_util::TryStreamExt;
use mongodb::bson::{DateTime, Document, doc};
use service::launch;
use store::{Audit, Finding, Kind, Relay, Store, Summary};
use testkit::{Broker, Database, stored, until};

use super::{open, outbox, ticket};

async fn audited(bus: &Bus, stores: &[&Store]) -> (Summary, Vec<Finding>) {
    let mut audit = begin(bus, stores).await;
    let findings = audit.findings().await.unwrap();
    (audit.close().await, findings)
}

async fn begin(bus: &Bus, stores: &[&Store]) -> Audit {
    let stores: Vec<_> = stores.iter().map(|store| (*store).clone()).collect();
    Audit::begin(bus, &stores, &[Subject::TicketCreated]).await.unwrap()
}

/// Repairs what an audit finds, and returns how many events that were.
async fn repaired(bus: &Bus, store: &Store) -> u64 {
    let mut audit = begin(bus, &[store]).await;
    audit.findings().await.unwrap();
    let repaired = audit.repair(|_| ()).await.unwrap();
    audit.close().await;
    repaired
}

/// How many findings there are of each kind.
async fn counts(bus: &Bus, stores: &[&Store]) -> Vec<(Kind, u64)> {
    audited(bus, stores).await.0.counts.into_iter().collect()
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
    let (found, findings) = audited(&client.bus, &[store]).await;
    assert_eq!((found.committed, found.stored, found.agreed, &findings[..]), (300, 300, 300, &[][..]));

    let mut before = stored::<TicketCreated>(&broker).await;
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    let mut deleted = BTreeSet::new();
    let ends = [&before[0], &before[1], &before[298], &before[299]];
    for message in before.iter().skip(2).take(295).step_by(7).chain(ends) {
        stream.delete_message(message.sequence).await.unwrap();
        deleted.insert(message.event_id.clone());
    }
    let (_, findings) = audited(&client.bus, &[store]).await;
    assert!(findings.iter().all(|finding| finding.kind == Kind::Missing && finding.sequences.is_empty()));
    let missing: BTreeSet<_> = findings.iter().map(|finding| finding.event_id.clone().unwrap()).collect();
    assert_eq!(missing, deleted);

    assert_eq!(repaired(&client.bus, store).await, deleted.len() as u64);
    assert_eq!(counts(&client.bus, &[store]).await, []);
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
async fn a_row_that_cannot_be_read_ends_no_audit_and_no_repair() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 10).await;
    publish_all(store, &client.bus).await;
    let rows = store.collection::<Document>("outbox");
    // One with its place in the stream, and one without.
    for number in [3, 7] {
        let row = rows.find_one(doc! { "sequence": number }).await.unwrap().unwrap();
        let id = doc! { "_id": row.get_object_id("_id").unwrap() };
        rows.update_one(id.clone(), doc! { "$set": { "recordedAt": "yesterday" } }).await.unwrap();
        if number == 7 {
            rows.update_one(id, doc! { "$unset": { "sequence": "" } }).await.unwrap();
        }
    }
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    stream.delete_message(5).await.unwrap();
    let (found, findings) = audited(&client.bus, &[store]).await;
    assert_eq!(found.agreed, 7, "{findings:?}");
    let missing: Vec<_> = findings.iter().filter(|finding| finding.kind == Kind::Missing).collect();
    assert_eq!(missing.len(), 1, "{findings:?}");
    assert_eq!(repaired(&client.bus, store).await, 1);
    assert_eq!(audited(&client.bus, &[store]).await.0.agreed, 8);
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
    let again = publish(&before[1].event_id, &before[1].event).await;
    let unknown = client.bus.publish(Subject::TicketCreated, "{}".into()).await.unwrap().sequence;
    record(store, 2).await; // while no relay is running
    let long_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 60_000);
    let last = doc! { "$set": { "recordedAt": long_ago } };
    rows.find_one_and_update(doc! {}, last).sort(doc! { "_id": -1 }).await.unwrap().unwrap();

    let (_, findings) = audited(&client.bus, &[store]).await;
    let reported: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.sequences.clone())).collect();
    let expected = vec![
        (Kind::Altered, vec![altered]),
        (Kind::Duplicate, vec![before[1].sequence, again]),
        (Kind::Unknown, vec![unknown]),
        (Kind::Unsent, vec![]),
    ];
    assert_eq!(reported, expected);

    assert_eq!(repaired(&client.bus, store).await, 1);
    publish_all(store, &client.bus).await;
    assert_eq!(counts(&client.bus, &[store]).await, [(Kind::Unknown, 1), (Kind::Duplicate, 1)]);
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
    assert_eq!(counts(&client.bus, &[store]).await, [(Kind::Altered, 1)]);
    assert_eq!(repaired(&client.bus, store).await, 1);
    let (after, findings) = audited(&client.bus, &[store]).await;
    assert_eq!((after.stored, after.agreed, &findings[..]), (1, 1, &[][..]));
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
    assert_eq!(counts(&client.bus, &[store]).await, [(Kind::Unknown, 2)]);
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
            found.extend(audited(&client.bus, &[store]).await.1);
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

/// The sequences that the rows name, in the order of the rows.
async fn noted(store: &Store) -> Vec<Option<i64>> {
    let rows = store.collection::<Document>("outbox").find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    rows.iter().map(|row| row.get_i64("sequence").ok()).collect()
}

#[tokio::test]
async fn wherever_the_rows_believe_their_messages_to_be_the_audit_finds_them() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 20).await;
    publish_all(store, &client.bus).await;
    let rows = store.collection::<Document>("outbox");
    let right = noted(store).await;
    assert!(right.iter().all(Option::is_some), "the relay notes the sequences: {right:?}");
    let wrong_by = async |offset: i64| {
        rows.update_many(doc! {}, doc! { "$inc": { "sequence": offset } }).await.unwrap();
    };
    for (what, change) in [
        ("absent, as an older relay leaves it", None),
        ("that of the message of another row", Some(1)),
        ("beyond the end of a stream that was created again", Some(1_000_000)),
    ] {
        match change {
            Some(offset) => wrong_by(offset).await,
            None => drop(rows.update_many(doc! {}, doc! { "$unset": { "sequence": "" } }).await.unwrap()),
        }
        let (found, findings) = audited(&client.bus, &[store]).await;
        assert_eq!((found.committed, found.agreed, &findings[..]), (20, 20, &[][..]), "{what}");
        assert_eq!(noted(store).await, right, "{what}");
    }
    // The same, with an event that is missing.
    broker.outsider().await.get_stream("ticketing").await.unwrap().delete_message(7).await.unwrap();
    for offset in [0, 1, 1_000_000] {
        wrong_by(offset).await;
        assert_eq!(counts(&client.bus, &[store]).await, [(Kind::Missing, 1)], "{offset}");
    }
    assert_eq!(repaired(&client.bus, store).await, 1);
    assert_eq!(repaired(&client.bus, store).await, 0);
    assert_eq!(counts(&client.bus, &[store]).await, []);
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_was_published_before_its_relay_was_killed_is_in_the_stream() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    record(store, 1).await;
    publish_all(store, &client.bus).await;
    // The row as it was: it is late, and no relay is running.
    let long_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 60_000);
    let killed = doc! {
        "$set": { "pending": "killed", "recordedAt": long_ago },
        "$unset": { "publishedAt": "", "sequence": "" },
    };
    let rows = store.collection::<Document>("outbox");
    rows.update_one(doc! {}, killed).await.unwrap();
    assert_eq!(counts(&client.bus, &[store]).await, []);
    // The next relay publishes it once more, and notes the later message.
    let first = stored::<TicketCreated>(&broker).await.remove(0);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Event-Id", &*first.event_id);
    let payload = serde_json::to_string(&first.event).unwrap();
    let api = broker.outsider().await;
    let second = api.publish_with_headers("ticket:created", headers, payload.into()).await.unwrap().await.unwrap();
    let noted = doc! { "$set": { "sequence": i64::try_from(second.sequence).unwrap() }, "$unset": { "pending": "" } };
    rows.update_one(doc! {}, noted).await.unwrap();
    let (found, findings) = audited(&client.bus, &[store]).await;
    assert_eq!((found.committed, found.agreed, found.stored), (1, 1, 2));
    assert_eq!(findings[0].sequences, [first.sequence, second.sequence]);
    // Whichever of the two is deleted, the event is in the stream.
    api.get_stream("ticketing").await.unwrap().delete_message(second.sequence).await.unwrap();
    assert_eq!(counts(&client.bus, &[store]).await, []);
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn the_rows_of_several_outboxes_are_compared_with_one_stream() {
    let (one, two, broker) = (Database::new(), Database::new(), Broker::start().await);
    let (one, two) = (open(one.uri()).await, open(two.uri()).await);
    let client = broker.connect("a").await;
    for _ in 0..3 {
        for opened in [&one, &two] {
            record(&opened.store, 2).await;
            publish_all(&opened.store, &client.bus).await;
        }
    }
    let both = [&one.store, &two.store];
    let (found, findings) = audited(&client.bus, &both).await;
    assert_eq!((found.committed, found.agreed, &findings[..]), (12, 12, &[][..]));
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    let theirs = noted(&two.store).await;
    for sequence in [theirs[0], theirs[5]] {
        stream.delete_message(sequence.unwrap().try_into().unwrap()).await.unwrap();
    }
    let (found, findings) = audited(&client.bus, &both).await;
    assert_eq!(found.counts.into_iter().collect::<Vec<_>>(), [(Kind::Missing, 2)]);
    let database = Some(two.store.database().name());
    assert!(findings.iter().all(|finding| finding.database.as_deref() == database), "{findings:?}");
    client.close().await;
    one.close().await;
    two.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn events_that_are_older_than_the_rows_of_an_outbox_are_counted_and_not_unknown() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    record(&opened.store, 1).await;
    publish_all(&opened.store, &client.bus).await;
    let api = broker.outsider().await;
    for days in [40, 35] {
        let recorded = std::time::SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        let seconds = recorded.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", format!("{seconds:08x}0000000000000000"));
        api.publish_with_headers("ticket:created", headers, "{}".into()).await.unwrap().await.unwrap();
    }
    let (found, findings) = audited(&client.bus, &[&opened.store]).await;
    assert_eq!((found.stored, found.agreed, found.older, &findings[..]), (3, 1, 2, &[][..]));
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
