//! Publishing.

use bus::{Consumer, PublishError, RecordedEvent, Source, Verdict};
use events::{ExpirationComplete, Subject};
use opentelemetry::Context;
use testkit::{Broker, all_of_it, listen_to};

#[tokio::test]
async fn a_typed_event_arrives_with_subject_bytes_and_an_id() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let json = include_str!("../../../events/tests/it/wire/expiration-complete/1.json").trim_end();
    let event: ExpirationComplete = serde_json::from_str(json).unwrap();
    let published = client.bus.publisher().publish(&event).await.unwrap();
    assert!(!published.duplicate);

    let consumer = Consumer { source: Source::Events(Subject::ExpirationComplete), ..all_of_it() };
    let mut listener = listen_to(&client, consumer, |_| Verdict::Ack).await;
    let delivery = listener.next().await;
    assert_eq!(delivery.subject, "expiration:complete");
    assert_eq!(delivery.sequence, published.sequence);
    assert_eq!(delivery.attempt, 1);
    assert_eq!(delivery.payload, json.as_bytes());
    assert!(!delivery.event_id().unwrap().is_empty());
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_message_published_while_the_broker_is_away_is_stored_once_when_it_is_back() {
    let mut broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("1").await;
    broker.kill().await;
    let (published, ()) = tokio::join!(client.publish("2"), async {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await; // longer than one attempt
        broker.restart().await;
    });
    assert_eq!(client.publish("3").await, published + 1);
    let mut listener = listen_to(&client, all_of_it(), |_| Verdict::Ack).await;
    let mut payloads = Vec::new();
    for _ in 0..3 {
        payloads.push(listener.next().await.payload.clone());
    }
    assert_eq!(payloads, ["1", "2", "3"]);
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_message_larger_than_the_broker_accepts_is_refused_with_the_limit() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let error = client.bus.publish(Subject::TicketCreated, vec![b'x'; 2 << 20].into()).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { limit: 1_048_576 }), "{error}");
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_subject_that_no_stream_has_is_refused_at_once_while_other_events_are_stored() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    for subject in ["payment.refunded", "ticket:*", "ticket:created.x", "dead-letter", "two words", "ticket:*.>", ""] {
        let event = RecordedEvent { subject, payload: "{}", event_id: "1", recorded_in: Context::new() };
        let error = client.bus.publish_recorded(event, "1").await.unwrap_err();
        assert!(!error.may_pass(), "{subject}: {error}");
        if let PublishError::NoStream { subject: named } = &error {
            assert_eq!(named, subject);
        } else {
            assert!(subject.is_empty() || subject.contains([' ', '>']), "{subject}: {error}");
        }
        client.publish("{}").await;
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_is_stored_although_somebody_has_deleted_the_stream_with_its_subject() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("1").await;
    broker.outsider().await.delete_stream("ticketing").await.unwrap();
    assert_eq!(client.publish("2").await, 1);
    client.close().await;
    broker.stop().await;
}

/// It takes as long as publishing is tried.
#[tokio::test]
async fn what_a_broker_without_room_answers_is_in_the_error() {
    let broker = Broker::with("jetstream { store_dir: /data, max_file: 64KB }").await;
    let client = broker.connect("a").await;
    let publish = async || client.bus.publish(Subject::TicketCreated, vec![b'x'; 10_000].into()).await;
    let error = loop {
        if let Err(error) = publish().await {
            break error;
        }
    };
    assert!(error.may_pass() && matches!(error, PublishError::Unavailable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("its last answer: insufficient resources") && !text.contains("timeout"), "{text}");
    client.close().await;
    broker.stop().await;
}
