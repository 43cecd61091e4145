//! What a subscription survives.

use std::collections::BTreeSet;
use std::time::Duration;

use bus::{Consumer, Start, Verdict};
use testkit::{Broker, all_of_it, durable_group, listen_to, unanswered, until};

fn ack(_: &bus::Delivery) -> Verdict {
    Verdict::Ack
}

#[tokio::test]
async fn a_broker_that_is_killed_and_restarted_loses_nothing() {
    let mut broker = Broker::start().await;
    let client = broker.connect("a").await;
    // Messages in flight as the broker died are redelivered after the ack wait.
    let ack_wait = Duration::from_secs(1);
    let mut durable = listen_to(&client, Consumer { ack_wait, ..durable_group("g") }, ack).await;
    let mut alone = listen_to(&client, Consumer { ack_wait, start: Start::New, ..all_of_it() }, ack).await;
    let mut published = BTreeSet::from([client.publish("1").await]);
    for _ in 0..3 {
        broker.kill().await;
        broker.restart().await;
        published.insert(client.publish("more").await);
    }
    for listener in [&mut durable, &mut alone] {
        let mut seen = BTreeSet::new();
        while seen != published {
            seen.insert(listener.next().await.sequence);
        }
    }
    durable.close().await;
    alone.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_subscription_continues_after_a_frozen_broker() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen_to(&client, durable_group("g"), ack).await;
    client.publish("1").await;
    listener.next().await;
    broker.freeze();
    tokio::time::sleep(Duration::from_secs(6)).await; // longer than the server may be silent
    broker.wake();
    let second = client.publish("2").await;
    assert_eq!(listener.next().await.sequence, second);
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_deleted_consumer_is_created_again_behind_the_handled_messages() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let old = client.publish("old").await;
    let mut durable = listen_to(&client, durable_group("g"), ack).await;
    let mut new = listen_to(&client, Consumer { start: Start::New, ..durable_group("n") }, ack).await;
    assert_eq!(durable.next().await.sequence, old);
    let api = broker.outsider().await;
    until("the ack", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;
    for consumer in ["g:ticket-created", "n:ticket-created"] {
        api.delete_consumer_from_stream(consumer, "ticketing").await.unwrap();
    }
    let fresh = client.publish("fresh").await;
    assert_eq!(new.next().await.sequence, fresh); // never the old one
    while durable.next().await.sequence != fresh {}
    durable.close().await;
    new.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_deleted_stream_is_created_again_and_its_messages_are_received() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("1").await;
    let mut listener = listen_to(&client, durable_group("g"), ack).await;
    listener.next().await;
    broker.outsider().await.delete_stream("ticketing").await.unwrap();
    client.publish("2").await;
    assert_eq!(listener.next().await.payload, "2");
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

/// With small batches, the message stream of async-nats stalls with messages waiting.
#[tokio::test(flavor = "multi_thread")]
async fn no_batch_size_stalls() {
    const EACH: usize = 5_000;
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let api = broker.outsider().await;
    for _ in 0..EACH / 500 {
        let mut acks = Vec::new();
        for _ in 0..500 {
            acks.push(api.publish("ticket:created", "{}".into()).await.unwrap());
        }
        for ack in acks {
            ack.await.unwrap();
        }
    }
    for batch in [1, 10, 200] {
        let mut listener = listen_to(&client, Consumer { batch, ..all_of_it() }, ack).await;
        let sequences = listener.sequences(EACH).await;
        assert!(sequences.is_sorted());
        listener.close().await;
    }
    client.close().await;
    broker.stop().await;
}
