//! Clients that return.

use events::{Subject, TicketId};
use testkit::{Broker, Reading, new_id, until};

use super::gateways::{Gateway, Live, created, text, updated};

#[tokio::test]
async fn a_client_that_returns_to_any_replica_has_missed_nothing_and_sees_nothing_twice() {
    let broker = Broker::start().await;
    let gateways = [Gateway::start(&broker, "gateway-1").await, Gateway::start(&broker, "gateway-2").await];
    let client = broker.connect("tickets-1").await;
    let id: TicketId = new_id();
    let position = gateways[0].position().await;
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    let mut live = gateways[1].watch(&format!("tickets=all&after={position}")).await;
    assert_eq!(live.ticket().await, (id.to_string(), 0));
    for version in 1..=50 {
        client.publish_to(Subject::TicketUpdated, text(&updated(id, version))).await;
        if version % 5 == 0 {
            // A browser sends the header, and the query of the first time again.
            let last = live.id.clone();
            let path = format!("/api/live?tickets=all&after={position}");
            let gateway = &gateways[usize::try_from(version).unwrap() / 5 % 2];
            live = Live::of(Reading::with(gateway.address, &path, &[("last-event-id", &last)]).await).await;
            for expected in version - 4..=version {
                assert_eq!(live.ticket().await, (id.to_string(), expected));
            }
        }
    }
    for gateway in gateways {
        gateway.stop().await;
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_from_before_the_feed_is_read_from_the_stream() {
    const EVENTS: u64 = 12_000;
    let broker = Broker::start().await;
    let first = Gateway::start(&broker, "gateway-1").await;
    let begin = first.position().await;
    let outsider = broker.outsider().await;
    let id: TicketId = new_id();
    outsider.publish("ticket:created", text(&created(id)).into()).await.unwrap().await.unwrap();
    let mut acks = Vec::new();
    for version in 1..EVENTS {
        acks.push(outsider.publish("ticket:updated", text(&updated(id, version)).into()).await.unwrap());
        if acks.len() == 500 || version + 1 == EVENTS {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
    let second = Gateway::start(&broker, "gateway-2").await;
    for gateway in [&first, &second] {
        let mut live = gateway.watch(&format!("tickets=all&after={begin}")).await;
        for version in 0..EVENTS {
            assert_eq!(live.ticket().await, (id.to_string(), version));
        }
    }
    for gateway in [first, second] {
        gateway.stop().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_gap_that_can_not_be_filled_is_a_reset_in_the_stream_and_what_follows_it_is_shown() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let client = broker.connect("tickets-1").await;
    let mut connected = gateway.watch("tickets=all").await;
    let id: TicketId = new_id();
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    assert_eq!(connected.ticket().await, (id.to_string(), 0));
    let before = connected.id.clone();

    // Somebody deletes the stream; our connections create it again.
    broker.outsider().await.delete_stream("ticketing").await.unwrap();
    until("the stream is back", || async { broker.outsider().await.get_stream("ticketing").await.is_ok() }).await;
    let id: TicketId = new_id();
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    assert_eq!(connected.event().await.0, "reset");
    let mut returned = gateway.watch(&format!("tickets=all&after={before}")).await;
    assert_eq!(returned.event().await.0, "reset");
    assert_eq!(returned.id, gateway.position().await, "it continues behind the newest change");
    client.publish_to(Subject::TicketUpdated, text(&updated(id, 1))).await;
    for live in [&mut connected, &mut returned] {
        assert_eq!(live.ticket().await, (id.to_string(), 1));
    }

    // Somebody purges the stream while a client is away, and the feed of a new process begins later.
    let before = gateway.position().await;
    for version in 2..=3 {
        client.publish_to(Subject::TicketUpdated, text(&updated(id, version))).await;
    }
    broker.outsider().await.get_stream("ticketing").await.unwrap().purge().await.unwrap();
    let second = Gateway::start(&broker, "gateway-2").await;
    let mut returned = second.watch(&format!("tickets=all&after={before}")).await;
    assert_eq!(returned.event().await.0, "reset");
    client.publish_to(Subject::TicketUpdated, text(&updated(id, 4))).await;
    assert_eq!(returned.ticket().await, (id.to_string(), 4));
    for gateway in [gateway, second] {
        gateway.stop().await;
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn while_the_broker_is_away_connections_stay_open_and_nothing_is_missed_afterwards() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let client = broker.connect("tickets-1").await;
    let mut live = gateway.watch("tickets=all").await;
    let id: TicketId = new_id();
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    assert_eq!(live.ticket().await, (id.to_string(), 0));
    broker.kill().await;
    until("it says so", || async { !gateway.running.tree().not_ready(&[]).is_empty() }).await;
    broker.restart().await;
    for version in 1..=5 {
        let event = text(&updated(id, version));
        until("it is published", || async {
            client.bus.publish(Subject::TicketUpdated, event.clone().into()).await.is_ok()
        })
        .await;
    }
    for version in 1..=5 {
        assert_eq!(live.ticket().await, (id.to_string(), version));
    }
    gateway.stop().await;
    client.close().await;
    broker.stop().await;
}
