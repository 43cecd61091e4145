//! Publishing.

use bus::{Consumer, PublishError, Source, Verdict};
use events::{ExpirationComplete, Subject};
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
