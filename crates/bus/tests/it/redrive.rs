//! Redriving dead letters.

use async_nats::HeaderMap;
use bus::{DeadLetter, Delivery, EVENT_ID, NotRedriven, Verdict};
use testkit::{Broker, Client, Subscriber, all_of_it, durable_group, listen_to, unanswered, until};

/// Handles redriven events only.
fn only_redriven(delivery: &Delivery) -> Verdict {
    if delivery.redrive_of().is_some() { Verdict::Ack } else { Verdict::dead_letter("not yet written") }
}

/// The first dead letter, when its group has settled the event.
async fn first_letter(client: &Client, broker: &Broker) -> DeadLetter {
    let api = broker.outsider().await;
    let found = async || DeadLetter::find(&client.bus, 1).await.is_ok_and(|found| found.is_some());
    until("a dead letter", found).await;
    until("it is settled", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;
    DeadLetter::find(&client.bus, 1).await.unwrap().unwrap()
}

async fn messages(broker: &Broker, stream: &str) -> u64 {
    broker.outsider().await.get_stream(stream).await.unwrap().cached_info().state.messages
}

async fn close(listeners: impl IntoIterator<Item = Subscriber>, client: Client, broker: Broker) {
    for listener in listeners {
        listener.close().await;
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_redriven_event_reaches_its_group_unchanged_and_listeners_without_a_group() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut failing = listen_to(&client, durable_group("g"), only_redriven).await;
    let mut other = listen_to(&client, durable_group("h"), |_| Verdict::Ack).await;
    let mut alone = listen_to(&client, all_of_it(), |_| Verdict::Ack).await;
    let mut headers = HeaderMap::new();
    headers.insert(EVENT_ID, "one-event");
    headers.insert("x-correlation-id", "sale-7");
    let outsider = broker.outsider().await;
    outsider.publish_with_headers("ticket:created", headers, "\u{1}bytes".into()).await.unwrap().await.unwrap();
    for listener in [&mut failing, &mut other, &mut alone] {
        assert_eq!(listener.next().await.event_id(), Some("one-event"));
    }

    let letter = first_letter(&client, &broker).await;
    assert_eq!((letter.event_id.as_str(), letter.group.as_str()), ("one-event", "g"));
    letter.redrive(&client.bus).await.unwrap();
    for listener in [&mut failing, &mut alone] {
        let again = listener.next().await;
        assert_eq!((again.subject.as_str(), &*again.payload), ("ticket:created", &b"\x01bytes"[..]));
        assert_eq!((again.event_id(), again.redrive_of()), (Some("one-event"), Some(1)));
        assert_eq!(again.headers.get("x-correlation-id").unwrap().as_str(), "sale-7");
        assert!(!again.headers.iter().any(|(name, _)| name.to_string().starts_with("Dead-Letter-")));
    }
    assert_eq!(messages(&broker, "ticketing-dead-letters").await, 0);
    // The other group's consumer is past it, and its handler has not received it.
    until("acked without its handler", || async { unanswered(&outsider, "h:ticket-created").await == 0 }).await;
    let last = client.publish("next").await;
    assert_eq!(other.next().await.sequence, last);
    close([failing, other, alone], client, broker).await;
}

#[tokio::test]
async fn a_redrive_interrupted_before_the_removal_and_repeated_stores_the_event_once() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let failing = listen_to(&client, durable_group("g"), only_redriven).await;
    client.publish("bad").await;
    let letter = first_letter(&client, &broker).await;
    // A process killed in between leaves the letter there; and two may redrive it concurrently.
    let (one, two) = tokio::join!(letter.redrive(&client.bus), letter.redrive(&client.bus));
    one.and(two).unwrap();
    letter.redrive(&client.bus).await.unwrap();
    assert_eq!(messages(&broker, "ticketing").await, 2);
    close([failing], client, broker).await;
}

#[tokio::test]
async fn an_event_too_large_for_a_letter_is_redriven_from_its_stream_while_it_is_there() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut failing = listen_to(&client, durable_group("g"), only_redriven).await;
    let limit = client.bus.server_info().max_payload;
    let large = "x".repeat(limit - 180); // with the headers of a dead letter it is more
    let sequence = client.publish(large.clone()).await;
    failing.next().await;
    let letter = first_letter(&client, &broker).await;
    assert_eq!((letter.payload.len(), letter.whole_size), (1000, large.len() as u64));
    letter.redrive(&client.bus).await.unwrap();
    assert!(failing.next().await.payload == large.as_bytes(), "it was shortened");

    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    stream.delete_message(sequence).await.unwrap();
    let error = letter.redrive(&client.bus).await.unwrap_err();
    assert!(matches!(error, NotRedriven::Cut { kept: 1000, .. }), "{error}");
    // Another event may have that sequence, in a stream that was created again.
    broker.outsider().await.delete_stream("ticketing").await.unwrap();
    assert_eq!(client.publish("another").await, sequence);
    let error = letter.redrive(&client.bus).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("only 1000 of its {} bytes were kept, and event #1 with the others is gone", large.len())
    );
    close([failing], client, broker).await;
}

#[tokio::test]
async fn a_letter_stays_when_the_broker_still_remembers_its_message_id() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let failing = listen_to(&client, durable_group("g"), only_redriven).await;
    client.publish("bad").await;
    first_letter(&client, &broker).await.redrive(&client.bus).await.unwrap();
    // Somebody deletes all dead letters, and their numbers start at 1 again.
    broker.outsider().await.delete_stream("ticketing-dead-letters").await.unwrap();
    client.publish("bad too").await;
    let letter = first_letter(&client, &broker).await;
    assert_eq!(&*letter.payload, b"bad too");
    let error = letter.redrive(&client.bus).await.unwrap_err();
    assert!(matches!(error, NotRedriven::TakenForAnother), "{error}");
    assert_eq!(messages(&broker, "ticketing-dead-letters").await, 1);
    close([failing], client, broker).await;
}
