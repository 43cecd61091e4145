//! Hubs that exchange messages over a NATS server.

use serde_json::Value;
use testkit::{Broker, Reading, until};

use crate::hubs::TestHub;
use crate::lines::names_are_exact;

async fn hub(broker: &Broker) -> TestHub {
    TestHub::with(&[("HUB__BUS", "nats"), ("HUB__NATS_URL", broker.url())]).await
}

async fn next(reader: &mut Reading) -> Value {
    serde_json::from_str(&reader.message().await).unwrap()
}

/// The next message that was not sent while the broker went away: such a post is refused, but its outcome is not known.
async fn next_but_perhaps(reader: &mut Reading) -> Value {
    loop {
        let message = next(reader).await["message"].clone();
        if message != "perhaps" {
            return message;
        }
    }
}

#[tokio::test]
async fn a_message_reaches_the_readers_of_every_hub_once_and_in_order() {
    let broker = Broker::start().await;
    let hubs = [hub(&broker).await, hub(&broker).await, hub(&broker).await];
    let mut readers = Vec::new();
    for hub in &hubs {
        readers.push(Reading::open(hub.address, "/pycon").await);
    }
    for number in 0..300 {
        hubs[number % 3].publish("/pycon", number.to_string()).await;
    }
    for mut reader in readers {
        for number in 0..300 {
            assert_eq!(reader.message().await, number.to_string());
        }
    }
    for hub in hubs {
        hub.stop().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn names_are_as_exact_at_the_broker() {
    let broker = Broker::start().await;
    let hub = hub(&broker).await;
    names_are_exact(&hub).await;
    hub.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_reader_that_returns_to_another_hub_has_missed_nothing() {
    let broker = Broker::start().await;
    let hubs = [hub(&broker).await, hub(&broker).await];
    let mut reader = Reading::open(hubs[0].address, "/pycon?format=json").await;
    hubs[0].publish("/pycon", "0").await;
    let mut last = next(&mut reader).await;
    drop(reader);
    for number in 1..200 {
        hubs[0].publish("/other", "not for this reader").await;
        hubs[0].publish("/pycon", number.to_string()).await;
    }
    let path = format!("/pycon?format=json&after={}", last["id"]);
    let mut reader = Reading::open(hubs[1].address, &path).await;
    hubs[0].publish("/pycon", "200").await;
    for number in 1..=200 {
        let message = next(&mut reader).await;
        assert_eq!(message["message"], number.to_string());
        assert!(message["id"].as_u64() > last["id"].as_u64());
        last = message;
    }
    for hub in hubs {
        hub.stop().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn while_the_broker_is_away_streams_stay_open_and_a_post_is_refused_and_nothing_is_lost_afterwards() {
    let mut broker = Broker::start().await;
    let hubs = [hub(&broker).await, hub(&broker).await];
    let mut reader = Reading::open(hubs[1].address, "/pycon?format=json").await;
    hubs[0].publish("/pycon", "before").await;
    assert_eq!(next(&mut reader).await["message"], "before");
    broker.kill().await;
    until("a post is refused", || async { hubs[0].post("/pycon", "perhaps").await.status == 503 }).await;
    let refused = hubs[0].post("/pycon", "lost").await;
    assert_eq!((refused.status, &refused.headers["retry-after"][..]), (503, "1"), "{refused:?}");
    broker.restart().await;
    until("a post is accepted", || async { hubs[0].post("/pycon", "after").await.status == 200 }).await;
    assert_eq!(next_but_perhaps(&mut reader).await, "after");

    broker.freeze();
    until("a post is refused", || async { hubs[0].post("/pycon", "perhaps").await.status == 503 }).await;
    broker.wake();
    until("a post is accepted", || async { hubs[0].post("/pycon", "at last").await.status == 200 }).await;
    assert_eq!(next_but_perhaps(&mut reader).await, "at last");
    for hub in hubs {
        hub.stop().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_deleted_stream_is_created_again_and_its_readers_learn_of_the_gap() {
    let broker = Broker::start().await;
    let hub = hub(&broker).await;
    let mut reader = Reading::open(hub.address, "/pycon?format=json").await;
    hub.publish("/pycon", "before").await;
    let before = next(&mut reader).await;
    broker.outsider().await.delete_stream("hub").await.unwrap();
    until("a post is accepted", || async { hub.post("/pycon", "after").await.status == 200 }).await;
    let after = next(&mut reader).await;
    assert_eq!(after["message"], "after");
    assert!(after["id"].as_u64() > before["id"].as_u64());
    hub.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn the_stream_of_somebody_else_is_not_touched() {
    let broker = Broker::start().await;
    let config = async_nats::jetstream::stream::Config {
        name: "hub".to_owned(),
        subjects: vec!["theirs".to_owned()],
        ..Default::default()
    };
    broker.outsider().await.create_stream(config).await.unwrap();
    let environment = [("HUB__BIND", "127.0.0.1:0"), ("HUB__BUS", "nats"), ("HUB__NATS_URL", broker.url())];
    let settings = testkit::settings(service::settings::Sections::new().with::<hub::HubSettings>(), &environment);
    let program = hub::HubProgram { views: hub::Views::All };
    let error = service::launch("hub", program).settings(settings).start().ready().await.unwrap_err();
    assert!(format!("{error:#}").contains("HUB__NAME=another-hub"), "{error:#}");
    broker.stop().await;
}
