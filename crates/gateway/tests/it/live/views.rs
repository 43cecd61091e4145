//! What those who watch are sent.

use events::{Subject, TicketId};
use serde_json::{Value, json};
use testkit::{Broker, WebSocket, new_id};

use super::gateways::{Gateway, created, text, updated};

#[tokio::test]
async fn everybody_sees_a_ticket_without_its_seller_and_its_buyer() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let (mut all, id): (_, TicketId) = (gateway.watch("tickets=all").await, new_id());
    let mut one = gateway.watch(&format!("tickets={id}")).await;
    let other = gateway.watch(&format!("tickets={}", new_id::<events::kind::Ticket>())).await;
    let mut websocket = WebSocket::open(gateway.address, "/api/live?tickets=all").await;
    let opening: Value = serde_json::from_str(&websocket.text().await).unwrap();
    assert_eq!((&opening["event"], &opening["id"]), (&json!("position"), &json!(all.id)));
    let client = broker.connect("tickets-1").await;
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    let mut reserved = updated(id, 1);
    reserved.order_id = Some(new_id());
    let last = client.publish_to(Subject::TicketUpdated, text(&reserved)).await;
    let epoch = all.id.split_once('-').unwrap().0.to_owned();
    for (sequence, version, is_reserved) in [(last - 1, 0, false), (last, 1, true)] {
        let data = format!(
            r#"{{"id":"{id}","title":"a \"concert\"","price":20.5,"version":{version},"reserved":{is_reserved}}}"#
        );
        let expected = format!("event: ticket\nid: {epoch}-{sequence}\ndata: {data}\n\n");
        assert_eq!(all.raw().await, expected);
        assert_eq!(one.raw().await, expected);
        let frame = format!(r#"{{"event":"ticket","id":"{epoch}-{sequence}","data":{data}}}"#);
        assert_eq!(websocket.text().await, frame);
    }
    gateway.has_seen(last).await;
    gateway.stop().await;
    let (rest, is_whole) = other.rest().await;
    assert!(is_whole && rest.starts_with("retry: "), "another ticket's watcher sees nothing: {rest}");
    for live in [all, one] {
        assert!(live.rest().await.1, "the last chunk comes");
    }
    assert_eq!(websocket.code().await, Some(1001));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_skipped_and_later_ones_are_shown() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let mut live = gateway.watch("tickets=all").await;
    let client = broker.connect("tickets-1").await;
    client.publish_to(Subject::TicketCreated, "not JSON").await;
    broker.publish_raw("ticket:created", b"NATS/1.0\r\nbad\r\n\r\n", b"x").await;
    let id: TicketId = new_id();
    client.publish_to(Subject::TicketCreated, text(&created(id))).await;
    assert_eq!(live.ticket().await, (id.to_string(), 0));
    gateway.stop().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_silent_stream_sends_comments() {
    let broker = Broker::start().await;
    let gateway = Gateway::with(&broker, "gateway-1", &[("LIVE__KEEP_ALIVE_SECONDS", "1")]).await;
    let path = "/api/live?tickets=all";
    let mut reading = testkit::Reading::open(gateway.address, path).await;
    reading.through("\n\n").await;
    for _ in 0..2 {
        assert_eq!(reading.through("\n\n").await, ":\n\n");
    }
    gateway.stop().await;
    broker.stop().await;
}
