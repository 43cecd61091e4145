//! One item that can't be read, which blocks no other.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::response::Response;
use bus::inspect::{Snapshot, subjects};
use bus::{Consumer, DeadLetter, Heartbeat, Reader, Registration, Start, Verdict, clients};
use events::Subject;
use serde_json::{Value, json};
use service::launch;
use testkit::{Broker, durable_group, listen_to, unanswered, until};
use time::OffsetDateTime;

#[tokio::test]
async fn unreadable_entries_of_the_registry_are_named_and_the_others_listed() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let registration = Registration { bus: client.bus.clone(), heartbeat: Heartbeat::default() };
    let mut registered = launch("client-id", registration).start();
    registered.ready().await.unwrap();
    let api = broker.outsider().await;
    for (key, value) in
        [("b", "not JSON"), ("c:d", "{}"), ("e.f", "{}"), ("g", ""), ("ü", "{}"), ("h", "{\"inbox\":7}")]
    {
        api.publish(format!("$KV.ticketing-clients.{key}"), value.into()).await.unwrap().await.unwrap();
    }
    let found = clients(&client.bus).await.unwrap();
    assert_eq!(found.clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(found.unreadable, ["b", "c:d", "e.f", "g", "h", "ü"]);
    let snapshot = Snapshot::take(&client.bus).await.unwrap();
    assert_eq!((snapshot.clients.len(), snapshot.notes.len()), (1, 6), "{:?}", snapshot.notes);
    assert_eq!(snapshot.notes[1], "the entry c:d of the client registry can't be read");
    registered.stop().await.result.unwrap();
    client.close().await;
    broker.stop().await;
}

/// A newer program may have made it, with settings that this version of the client library does not know.
#[tokio::test]
async fn a_consumer_that_cannot_be_read_is_named_and_the_others_are_listed_and_redriven_to() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let listener = listen_to(&client, durable_group("g"), |_| Verdict::Ack).await;
    let api = broker.outsider().await;
    let config = json!({ "stream_name": "ticketing", "config": {
        "name": "newer", "durable_name": "newer", "ack_policy": "flow_control", "deliver_subject": "x",
        "flow_control": true, "idle_heartbeat": 5_000_000_000_u64, "max_ack_pending": 1000, "replay_policy": "instant",
        "deliver_policy": "all",
    } });
    let created: Response<Value> = api.request("CONSUMER.DURABLE.CREATE.ticketing.newer", &config).await.unwrap();
    let Response::Ok(_) = created else { panic!("{created:?}") };
    let snapshot = Snapshot::take(&client.bus).await.unwrap();
    assert_eq!(snapshot.consumers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["g:ticket-created"]);
    assert_eq!(snapshot.notes, ["the consumer newer of the stream ticketing can't be read"]);
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

/// Headers that the client library refuses, and drops the connection for.
const HEADERS: [&[u8]; 3] =
    [b"NATS/1.0\r\ntown: K\xf6ln\r\n\r\n", b"NATS/1.0\r\nno colon\r\n\r\n", b"NATS/1.0\r\na name: x\r\n\r\n"];

#[tokio::test]
async fn a_message_whose_headers_cannot_be_read_becomes_a_dead_letter_of_its_group_and_blocks_no_other() {
    let broker = Broker::start().await;
    let (publisher, client) = (broker.connect("publisher").await, broker.connect("a").await);
    // Readable messages that were lost with the connection are redelivered after the ack wait.
    let consumer = Consumer { ack_wait: Duration::from_secs(1), ..durable_group("g") };
    let mut listener = listen_to(&client, consumer, |_| Verdict::Ack).await;
    for (number, headers) in HEADERS.iter().enumerate() {
        let before = publisher.publish("{}").await;
        broker.publish_raw("ticket:created", headers, b"{\"number\":1}").await;
        let after = publisher.publish("{}").await;
        let mut seen = BTreeSet::new();
        while !seen.is_superset(&BTreeSet::from([before, after])) {
            seen.insert(listener.next().await.sequence); // what was in flight may be redelivered
        }
        let number = number as u64 + 1;
        until("a dead letter", || async { DeadLetter::find(&publisher.bus, number).await.unwrap().is_some() }).await;
        let letter = DeadLetter::find(&publisher.bus, number).await.unwrap().unwrap();
        assert_eq!((letter.group.as_str(), letter.sequence), ("g", before + 1));
        assert_eq!(
            (letter.reason.as_str(), &letter.payload[..]),
            ("its headers can't be read", &b"{\"number\":1}"[..])
        );
    }
    let api = broker.outsider().await;
    until("nothing in flight", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;
    listener.close().await;
    client.close().await;
    publisher.close().await;
    broker.stop().await;
}

/// The client library takes it for a word of the broker about a request.
#[tokio::test]
async fn a_message_with_a_status_in_its_headers_is_a_message() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen_to(&client, durable_group("g"), |_| Verdict::Ack).await;
    for status in ["100", "404 No Messages", "409 Consumer Deleted"] {
        broker.publish_raw("ticket:created", format!("NATS/1.0 {status}\r\n\r\n").as_bytes(), b"{}").await;
        let published = client.publish("{}").await;
        assert_eq!(listener.sequences(2).await, [published - 1, published], "{status}");
    }
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_reader_skips_messages_whose_headers_cannot_be_read() {
    let broker = Broker::start().await;
    let (publisher, client) = (broker.connect("publisher").await, broker.connect("a").await);
    let began = OffsetDateTime::now_utc();
    let mut published = Vec::new();
    for headers in HEADERS {
        broker.publish_raw("ticket:created", headers, b"{}").await;
        published.push(publisher.publish("{}").await);
    }
    let both = &[Subject::TicketCreated, Subject::OrderCreated][..];
    for (subjects, start) in [(both, Start::All), (&[], Start::All), (both, Start::Since(began))] {
        let mut reader = Reader::of_events(&client.bus, subjects, start).await.unwrap();
        let mut read = Vec::new();
        while let Some(delivery) = reader.try_next().await.unwrap() {
            read.push(delivery.sequence);
        }
        assert_eq!(read, published);
        broker.publish_raw("ticket:created", HEADERS[0], b"{}").await;
        let next = publisher.publish("{}").await;
        assert_eq!(reader.next().await.unwrap().sequence, next);
        published.push(next);
        reader.close().await;
    }
    client.close().await;
    publisher.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn subjects_are_counted_although_the_headers_of_a_message_cannot_be_read() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    broker.publish_raw("ticket:created", HEADERS[0], b"{}").await;
    client.publish("2").await;
    let rows = subjects(&client.bus).await.unwrap();
    assert_eq!((rows[0].messages, rows[0].first_sequence, rows[0].last_sequence), (2, 1, 2));
    client.close().await;
    broker.stop().await;
}
