//! One item that can't be read, which blocks no other.

use async_nats::jetstream::response::Response;
use bus::inspect::{Snapshot, subjects};
use bus::{Heartbeat, Registration, Verdict, clients};
use serde_json::{Value, json};
use service::launch;
use testkit::{Broker, durable_group, listen_to};

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

#[tokio::test]
async fn subjects_are_counted_although_the_headers_of_a_message_cannot_be_read() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    broker.publish_raw("ticket:created", b"NATS/1.0\r\ntown: K\xf6ln\r\n\r\n", b"{}").await;
    client.publish("2").await;
    let rows = subjects(&client.bus).await.unwrap();
    assert_eq!((rows[0].messages, rows[0].first_sequence, rows[0].last_sequence), (2, 1, 2));
    client.close().await;
    broker.stop().await;
}
