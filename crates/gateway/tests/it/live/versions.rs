//! Nobody sees a ticket go back.

use events::{Subject, TicketId};
use testkit::{Broker, new_id};

use super::gateways::{Gateway, created, text, updated};

/// The headers of a first publish, of a repair, and of a redrive.
fn headers(event_id: &str, message_id: &str, more: &str) -> Vec<u8> {
    format!("NATS/1.0\r\nEvent-Id: {event_id}\r\nNats-Msg-Id: {message_id}\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn late_repaired_and_redriven_events_are_no_step_back_for_anybody() {
    let broker = Broker::start().await;
    let first = Gateway::start(&broker, "gateway-1").await;
    let mut live = first.watch("tickets=all").await;
    let begin = live.id.clone();
    let (id, other): (TicketId, TicketId) = (new_id(), new_id());
    let subject = Subject::TicketUpdated.as_str();
    broker.publish_raw("ticket:created", &headers("a0", "a0", ""), text(&created(id)).as_bytes()).await;
    broker.publish_raw(subject, &headers("a2", "a2", ""), text(&updated(id, 2)).as_bytes()).await;
    // A relay that was late, a repair of one that was shown, and one of a ticket that nobody here has seen.
    broker.publish_raw(subject, &headers("a1", "a1", ""), text(&updated(id, 1)).as_bytes()).await;
    broker.publish_raw(subject, &headers("a2", "fresh-1", ""), text(&updated(id, 2)).as_bytes()).await;
    broker.publish_raw(subject, &headers("b4", "fresh-2", ""), text(&updated(other, 4)).as_bytes()).await;
    let redriven = headers("b5", "redrive-1", "Redrive-Group: orders-service\r\n");
    broker.publish_raw(subject, &redriven, text(&updated(other, 5)).as_bytes()).await;
    // A repair of the newest.
    broker.publish_raw(subject, &headers("a3", "fresh-3", ""), text(&updated(id, 3)).as_bytes()).await;
    for version in [0, 2, 3] {
        assert_eq!(live.ticket().await, (id.to_string(), version));
    }
    // The same for a replica that starts afterwards, and for a client that returns to it.
    let second = Gateway::start(&broker, "gateway-2").await;
    let mut again = second.watch(&format!("tickets=all&after={begin}")).await;
    for version in [0, 2, 3] {
        assert_eq!(again.ticket().await, (id.to_string(), version));
    }
    for gateway in [first, second] {
        gateway.stop().await;
    }
    broker.stop().await;
}
