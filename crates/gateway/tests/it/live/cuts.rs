//! Clients whose connections are cut, again and again.

use std::collections::HashMap;

use events::{Subject, TicketId};
use futures_util::{StreamExt, stream};
use testkit::{Broker, Reading, new_id};

use super::gateways::{Gateway, Live, created, text, updated};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_cut_again_and_again_receives_each_version_once_from_three_replicas() {
    cut(60, 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn a_client_that_is_cut_five_hundred_times_receives_fifty_thousand_events_once() {
    cut(500, 50_000).await;
}

/// Publishes events of 20 tickets while a client is cut that often; versions of every ticket are repaired and redriven
/// meanwhile.
async fn cut(cuts: u64, events: u64) {
    let broker = Broker::start().await;
    let mut gateways = Vec::new();
    for number in 1..=3 {
        gateways.push(Gateway::start(&broker, &format!("gateway-{number}")).await);
    }
    let tickets: Vec<TicketId> = (0..20).map(|_| new_id()).collect();
    let client = broker.connect("tickets-1").await;
    let mut live = gateways[0].watch("tickets=all").await;
    let publishing = async {
        for version in 0..events / 20 {
            let published = stream::iter(&tickets).map(async |id| match version {
                0 => client.publish_to(Subject::TicketCreated, text(&created(*id))).await,
                _ => client.publish_to(Subject::TicketUpdated, text(&updated(*id, version))).await,
            });
            published.buffer_unordered(20).collect::<Vec<_>>().await;
            if version % 10 == 9 {
                let (id, old) =
                    (tickets[usize::try_from(version).unwrap() % 20], text(&updated(tickets[0], version / 2)));
                let again = format!("NATS/1.0\r\nEvent-Id: repaired-{version}\r\nNats-Msg-Id: fresh-{version}\r\n\r\n");
                broker.publish_raw("ticket:updated", again.as_bytes(), old.as_bytes()).await;
                let group =
                    format!("NATS/1.0\r\nEvent-Id: {version}\r\nNats-Msg-Id: r-{version}\r\nRedrive-Group: a\r\n\r\n");
                broker.publish_raw("ticket:updated", group.as_bytes(), text(&updated(id, version)).as_bytes()).await;
            }
        }
    };
    let watching = async {
        let mut next: HashMap<String, u64> = HashMap::new();
        for received in 1..=events {
            let (id, version) = live.ticket().await;
            let expected = next.entry(id.clone()).or_default();
            assert_eq!(version, *expected, "ticket {id}, after {received} events");
            *expected += 1;
            if received % (events / cuts) == 0 {
                let gateway = &gateways[usize::try_from(received / (events / cuts)).unwrap() % 3];
                let last = live.id.clone();
                let path = "/api/live?tickets=all";
                live = Live::of(Reading::with(gateway.address, path, &[("last-event-id", &last)]).await).await;
            }
        }
        assert!(next.values().all(|next| *next == events / 20), "{next:?}");
    };
    tokio::join!(publishing, watching);
    for gateway in gateways {
        gateway.stop().await;
    }
    client.close().await;
    broker.stop().await;
}
