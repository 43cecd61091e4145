//! Reading a piece of the stream without a consumer.

use bus::{Connection, events_behind, stored_events};
use service::launch;
use testkit::Broker;

#[tokio::test]
async fn a_piece_of_the_stream_is_read_in_order_and_what_can_not_be_read_is_left_out() {
    let broker = Broker::start().await;
    let mut running = launch("nats", Connection { ..broker.connection("reader") }).start();
    let bus = running.ready().await.unwrap();
    let publisher = broker.connect("publisher").await;
    assert_eq!(stored_events(&bus).await.unwrap().last, 0);
    assert!(events_behind(&bus, 0, 10).await.unwrap().is_empty());
    for number in 1..=300 {
        publisher.publish(number.to_string()).await;
    }
    let mut after = 0;
    for (most, expected) in [(100, 100), (256, 200)] {
        let events = events_behind(&bus, after, most).await.unwrap();
        let payloads: Vec<u64> =
            events.iter().map(|event| std::str::from_utf8(&event.payload).unwrap().parse().unwrap()).collect();
        assert_eq!(payloads, (after + 1..=after + expected).collect::<Vec<_>>());
        assert_eq!(events[0].sequence, after + 1);
        assert!(events[0].event_id().is_some());
        after += expected;
    }
    assert!(events_behind(&bus, after, 10).await.unwrap().is_empty());
    let stored = stored_events(&bus).await.unwrap();
    assert_eq!((stored.first, stored.last), (1, 300));

    broker.publish_raw("ticket:updated", b"NATS/1.0\r\nbad\r\n\r\n", b"x").await;
    publisher.publish("302").await;
    let mut rest = Vec::new();
    while rest.is_empty() {
        rest = events_behind(&bus, after, 10).await.unwrap_or_default();
    }
    assert_eq!(rest[0].sequence, 302);
    publisher.close().await;
    running.stop().await.result.unwrap();
    broker.stop().await;
}
