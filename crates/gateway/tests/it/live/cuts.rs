//! Clients whose connections are cut, again and again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use events::{Subject, TicketId};
use futures_util::{StreamExt, stream};
use testkit::{Broker, new_id, until_in};

use super::gateways::{Live, created, text, three_programs, updated};
use super::operated::{Operated, VERSIONS};

/// How often the stream is repaired and an event redriven, while events flow.
const ROUNDS: u64 = 5;

/// How long the events between two rounds may take.
const LONG: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_cut_again_and_again_receives_each_version_once_from_three_replicas() {
    cut(60, 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn a_client_that_is_cut_five_hundred_times_receives_fifty_thousand_events_once() {
    cut(500, 50_000).await;
}

/// Publishes events of 20 tickets while a client is cut that often, each time to return to another gateway. Meanwhile, the
/// operator's tool repairs the stream, and redrives events.
async fn cut(cuts: u64, events: u64) {
    let (broker, folder) = (Broker::start().await, tempfile::tempdir().unwrap());
    let gateways = three_programs(&broker, folder.path(), &[]).await;
    let operated = Operated::start(&broker, folder.path()).await;
    let mut live = Live::open(gateways[0].address, "tickets=all").await;
    operated.sell().await;
    let mut sold = Vec::new();
    for version in 0..VERSIONS {
        assert_eq!(live.ticket().await.1, version);
        sold.push(live.id.rsplit_once('-').unwrap().1.parse().unwrap());
    }

    let tickets: Vec<TicketId> = (0..20).map(|_| new_id()).collect();
    let client = broker.connect("tickets-1").await;
    let publishing = async {
        for version in 0..events / 20 {
            let published = stream::iter(&tickets).map(async |id| match version {
                0 => client.publish_to(Subject::TicketCreated, text(&created(*id))).await,
                _ => client.publish_to(Subject::TicketUpdated, text(&updated(*id, version))).await,
            });
            published.buffer_unordered(20).collect::<Vec<_>>().await;
        }
    };
    let progress = AtomicU64::new(0);
    let operating = async {
        for round in 0..ROUNDS {
            let has_come = || std::future::ready(progress.load(Ordering::Relaxed) >= events * round / ROUNDS);
            until_in(LONG, "events flow", has_come).await;
            operated.repair(&broker, sold[usize::try_from(round).unwrap()]).await;
            operated.redrive(&broker, round + 1).await;
        }
    };
    let watching = async {
        let mut next: HashMap<String, u64> = HashMap::new();
        for received in 1..=events {
            let (id, version) = live.ticket().await;
            let expected = next.entry(id.clone()).or_default();
            assert_eq!(version, *expected, "ticket {id}, after {received} events");
            *expected += 1;
            progress.store(received, Ordering::Relaxed);
            if received % (events / cuts) == 0 {
                let gateway = &gateways[usize::try_from(received / (events / cuts)).unwrap() % 3];
                live = Live::returned(gateway.address, &live.id).await;
            }
        }
        assert!(next.len() == 20 && next.values().all(|next| *next == events / 20), "{next:?}");
        live
    };
    let ((), (), mut live) = tokio::join!(publishing, operating, watching);
    let last: TicketId = new_id();
    client.publish_to(Subject::TicketCreated, text(&created(last))).await;
    assert_eq!(live.ticket().await, (last.to_string(), 0), "after the last repair, nothing is repeated either");
    for mut gateway in gateways {
        assert_eq!(gateway.terminate().await, Some(0));
    }
    operated.stop().await;
    client.close().await;
    broker.stop().await;
}
