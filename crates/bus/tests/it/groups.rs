//! Which listener receives which message.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bus::{Consumer, Delivery, Membership, RETURN_DELAY, Start, Subscription, Verdict};
use service::{Stopping, launch};
use testkit::{Broker, all_of_it, durable_group, listen, listen_to, name, unanswered, until};

fn ack(_: &bus::Delivery) -> Verdict {
    Verdict::Ack
}

#[tokio::test]
async fn each_event_goes_to_one_member_of_a_group_and_to_every_listener_without_a_group() {
    let broker = Broker::start().await;
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    let group = Consumer { membership: Membership::Group(name("g")), ..all_of_it() };
    let mut members = [listen_to(&a, group.clone(), ack).await, listen_to(&b, group, ack).await];
    let mut alone = [listen_to(&a, all_of_it(), ack).await, listen_to(&b, all_of_it(), ack).await];
    let mut published = Vec::new();
    for number in 0..10 {
        published.push(a.publish(number.to_string()).await);
    }
    for listener in &mut alone {
        assert_eq!(listener.sequences(10).await, published);
    }
    let api = broker.outsider().await;
    let mut shared = Vec::new();
    until("ten events at the members", || {
        shared.extend(members.iter_mut().flat_map(testkit::Subscriber::so_far));
        let enough = shared.len() >= 10;
        async move { enough }
    })
    .await;
    until("every ack", || async { unanswered(&api, "ephemeral:group:g:ticket-created").await == 0 }).await;
    shared.extend(members.iter_mut().flat_map(testkit::Subscriber::so_far));
    shared.sort_unstable();
    assert_eq!(shared, published);
    for listener in members.into_iter().chain(alone) {
        listener.close().await;
    }
    a.close().await;
    b.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_durable_group_continues_at_its_position_and_outlives_its_last_member() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let first = client.publish("1").await;
    let mut listener = listen_to(&client, durable_group("g"), ack).await;
    assert_eq!(listener.next().await.sequence, first);
    listener.close().await;
    let second = client.publish("2").await;

    let other = broker.connect("b").await;
    let mut listener = listen_to(&other, durable_group("g"), ack).await;
    let third = client.publish("3").await;
    assert_eq!(listener.sequences(2).await, [second, third]);
    listener.close().await;
    other.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_listener_for_new_events_receives_no_earlier_ones() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("old").await;
    let mut listener = listen_to(&client, Consumer { start: Start::New, ..all_of_it() }, ack).await;
    let new = client.publish("new").await;
    assert_eq!(listener.next().await.sequence, new);
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn messages_that_a_stopping_member_had_fetched_reach_another_long_before_the_ack_wait() {
    let broker = Broker::start().await;
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    let consumer = Consumer { ack_wait: Duration::from_secs(3600), batch: 100, ..durable_group("g") };
    let mut stopping = listen(&a.bus, consumer.clone(), Duration::from_millis(300), ack).await;
    let mut published = BTreeSet::new();
    for number in 0..50 {
        published.insert(a.publish(number.to_string()).await);
    }
    let begun = stopping.next().await.sequence;
    let api = broker.outsider().await;
    until("all of them fetched", || async { unanswered(&api, "g:ticket-created").await >= 49 }).await;
    let mut other = listen_to(&b, consumer, ack).await;
    stopping.running.request_stop();
    let mut seen: BTreeSet<_> = stopping.so_far().into_iter().chain([begun]).collect();
    while seen != published {
        assert!(seen.insert(other.next().await.sequence), "redelivered");
    }
    stopping.close().await;
    until("nothing pending", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;
    other.close().await;
    a.close().await;
    b.close().await;
    broker.stop().await;
}

/// However long after the other the next member comes.
#[tokio::test]
async fn messages_that_a_stopping_member_returns_are_redelivered_in_the_order_of_the_stream() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut published = Vec::new();
    for number in 0..5 {
        published.push(client.publish(number.to_string()).await);
    }
    let api = broker.outsider().await;
    let pauses = [0, 20, 200, 1000, 3000].map(Duration::from_millis);
    let redelivered = pauses.map(async |pause| {
        let group = format!("g{}", pause.as_millis());
        let consumer = Consumer { ack_wait: Duration::from_secs(3600), ..durable_group(&group) };
        let works_until_the_stop = |_: Arc<Delivery>, stopping: Stopping| async move {
            stopping.await;
            Verdict::Nak(RETURN_DELAY)
        };
        let first = Subscription::new(client.bus.clone(), consumer.clone(), works_until_the_stop);
        let mut first = launch("first", first).start();
        first.ready().await.unwrap();
        until("all of them fetched", || async { unanswered(&api, &format!("{group}:ticket-created")).await == 5 })
            .await;
        first.stop().await.result.unwrap();
        tokio::time::sleep(pause).await;
        let mut next = listen_to(&client, consumer, ack).await;
        let sequences = next.sequences(published.len()).await;
        next.close().await;
        (pause, sequences)
    });
    for (pause, sequences) in futures_util::future::join_all(redelivered).await {
        assert_eq!(sequences, published, "after {pause:?}");
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn messages_published_while_a_stopping_member_still_works_reach_another_long_before_the_ack_wait() {
    let broker = Broker::start().await;
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    let consumer = Consumer { ack_wait: Duration::from_secs(3600), ..durable_group("g") };
    let mut stopping = listen(&a.bus, consumer.clone(), Duration::from_secs(3), ack).await;
    a.publish("first").await;
    stopping.next().await;
    let mut other = listen_to(&b, consumer, ack).await;
    stopping.running.request_stop();
    for number in 0..10 {
        let published = a.publish(number.to_string()).await;
        assert_eq!(other.next().await.sequence, published);
    }
    stopping.close().await;
    other.close().await;
    a.close().await;
    b.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_listener_without_a_group_leaves_no_consumer_behind() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    listen_to(&client, all_of_it(), ack).await.close().await;
    let api = broker.outsider().await;
    let stream = api.get_stream("ticketing").await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
    client.close().await;
    broker.stop().await;
}
