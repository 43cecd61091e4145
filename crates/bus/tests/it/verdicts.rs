//! What a verdict does.

use std::time::Duration;

use bus::{Consumer, Delivery, Verdict};
use testkit::{Broker, all_of_it, durable_group, listen, listen_to, unanswered, until};

/// Publishes one message, and checks that it is redelivered after its first verdict.
async fn is_redelivered(consumer: Consumer, verdict: fn(&Delivery) -> Verdict) {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen_to(&client, consumer, verdict).await;
    client.publish("1").await;
    assert_eq!(listener.next().await.attempt, 1);
    assert_eq!(listener.next().await.attempt, 2);
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_message_without_an_answer_is_redelivered_after_the_ack_wait() {
    let consumer = Consumer { ack_wait: Duration::from_millis(300), ..all_of_it() };
    is_redelivered(consumer, |delivery| if delivery.attempt > 1 { Verdict::Ack } else { Verdict::Leave }).await;
}

/// The ack wait is 30 s, longer than the test waits.
#[tokio::test]
async fn a_nak_redelivers_after_its_delay_and_not_after_the_ack_wait() {
    is_redelivered(all_of_it(), |delivery| match delivery.attempt {
        1 => Verdict::Nak(Duration::from_millis(200)),
        _ => Verdict::Ack,
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_a_retry() {
    is_redelivered(all_of_it(), |delivery| if delivery.attempt > 1 { Verdict::Ack } else { panic!("on purpose") })
        .await;
}

#[tokio::test]
async fn a_message_in_flight_is_not_redelivered_however_long_its_handler_takes() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let consumer = Consumer { ack_wait: Duration::from_millis(400), ..durable_group("g") };
    let mut listener = listen(&client.bus, consumer, Duration::from_millis(1200), |_| Verdict::Ack).await;
    let published = [client.publish("1").await, client.publish("2").await, client.publish("3").await];
    assert_eq!(listener.sequences(3).await, published); // the third waited six times the ack wait
    let api = broker.outsider().await;
    until("every ack", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;
    assert!(listener.so_far().is_empty(), "redelivered");
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_stop_lets_the_running_handler_finish_and_its_ack_arrive() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen(&client.bus, durable_group("g"), Duration::from_millis(500), |_| Verdict::Ack).await;
    client.publish("1").await;
    listener.next().await;
    listener.close().await;
    let api = broker.outsider().await;
    assert_eq!(unanswered(&api, "g:ticket-created").await, 0);
    client.close().await;
    broker.stop().await;
}
