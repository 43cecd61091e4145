//! Messages of terms of leadership.

use hub::{Channel, Nats, NatsTransport, NotPublished};
use service::{Running, launch};
use testkit::{Broker, Reading, name};

use crate::hubs::TestHub;

async fn leader(broker: &Broker) -> (Running<NatsTransport>, NatsTransport) {
    let mut running = launch("nats", Nats { url: broker.url().parse().unwrap(), name: name("hub") }).start();
    let transport = running.ready().await.unwrap();
    (running, transport)
}

#[tokio::test]
async fn nothing_of_an_earlier_term_is_stored_after_a_message_of_a_later_one() {
    let broker = Broker::start().await;
    let ((first_runs, first), (second_runs, second)) = (leader(&broker).await, leader(&broker).await);
    let hub = TestHub::with(&[("HUB__BUS", "nats"), ("HUB__NATS_URL", broker.url())]).await;
    let mut reader = Reading::open(hub.address, "/numbers?format=json").await;
    let channel: Channel = "/numbers".parse().unwrap();
    let publish = async |leader: &NatsTransport, epoch: u64, text: &'static str| {
        leader.publish_in(epoch, &channel, text.into()).await
    };
    publish(&first, 5, "a").await.unwrap();
    publish(&first, 5, "b").await.unwrap();
    // The second leader begins with what it finds, and the first one does not know of it.
    publish(&second, 6, "c").await.unwrap();
    assert_eq!(publish(&first, 5, "late").await, Err(NotPublished::Outdated));
    assert_eq!(publish(&first, 5, "later").await, Err(NotPublished::Outdated));
    publish(&second, 6, "d").await.unwrap();
    // It leads again, in a later term.
    publish(&first, 7, "e").await.unwrap();
    assert_eq!(publish(&second, 6, "late").await, Err(NotPublished::Outdated));
    // A channel of its own is nobody's before.
    second.publish_in(6, &"/others".parse().unwrap(), "f".into()).await.unwrap();
    for (epoch, text) in [(5, "a"), (5, "b"), (6, "c"), (6, "d"), (7, "e")] {
        let line: serde_json::Value = serde_json::from_str(&reader.message().await).unwrap();
        assert_eq!((&line["epoch"], &line["message"]), (&epoch.into(), &text.into()));
    }
    hub.stop().await;
    for running in [first_runs, second_runs] {
        running.stop().await.result.unwrap();
    }
    broker.stop().await;
}
