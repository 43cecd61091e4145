//! Three members, whose primary is killed during writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use events::TicketCreated;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use service::launch;
use store::{Relay, Store};
use testkit::{Broker, Mongod, stored, until, until_in};
use tokio::task::JoinSet;

use super::{open, outbox, ticket};

/// How long sales may take: on a busy machine the members may need more than one election.
const SOLD_WITHIN: Duration = Duration::from_secs(90);

/// Puts tickets up for sale until `stop` is set, and returns those that were confirmed.
async fn sell(store: Store, stop: Arc<AtomicBool>, sold: Arc<AtomicUsize>, seller: usize) -> Vec<String> {
    let mut confirmed = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let title = format!("{seller}-{number}");
        let (outbox, event, tickets) = (outbox::<TicketCreated>(&store), ticket(&title), store.collection("tickets"));
        let sale = store.transaction(async move |tx| {
            tickets.insert_one(doc! { "_id": &event.title }).session(&mut *tx).await?;
            outbox.record(tx, &event).await
        });
        // A failed sale may have been committed, if its answer was lost.
        if sale.await.is_ok() {
            sold.fetch_add(1, Ordering::Relaxed);
            confirmed.push(title);
        }
    }
    confirmed
}

/// Kills the primary this many times during writes.
async fn lose_primaries(times: usize) {
    let (mut members, broker) = (Mongod::replica_set().await, Broker::start().await);
    let (opened, client) = (open(&members[0].uri("test")).await, broker.connect("a").await);
    let mut relay = launch("relay", Relay::new(&opened.store, &client.bus)).start();
    relay.ready().await.unwrap();
    let (stop, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let sellers: JoinSet<_> =
        (0..8).map(|seller| sell(opened.store.clone(), Arc::clone(&stop), Arc::clone(&sold), seller)).collect();

    for _ in 0..times {
        let more = || {
            let (goal, sold) = (sold.load(Ordering::Relaxed) + 100, Arc::clone(&sold));
            until_in(SOLD_WITHIN, "a hundred more are sold", move || {
                std::future::ready(sold.load(Ordering::Relaxed) >= goal)
            })
        };
        more().await;
        let primaries = join_all(members.iter().map(Mongod::is_primary)).await;
        let primary = primaries.iter().position(|is_primary| *is_primary).expect("a primary");
        members[primary].kill().await;
        more().await;
        members[primary].restart().await;
        // With two members away at the same time there is no majority, and nothing is written.
        until("the member follows the primary", || members[primary].is_secondary()).await;
    }
    stop.store(true, Ordering::Relaxed);
    let confirmed: Vec<_> = sellers.join_all().await.into_iter().flatten().collect();
    let pending = doc! { "pending": { "$exists": true } };
    let rows = opened.store.collection::<Document>("outbox");
    until("all is published", || async { rows.count_documents(pending.clone()).await.is_ok_and(|left| left == 0) })
        .await;

    let mut announced: BTreeMap<String, usize> = BTreeMap::new();
    for ticket in stored::<TicketCreated>(&broker).await {
        *announced.entry(ticket.event.title).or_default() += 1;
    }
    assert!(announced.values().all(|times| *times == 1), "{announced:?}");
    let lost: Vec<_> = confirmed.iter().filter(|title| !announced.contains_key(*title)).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    let tickets = opened.store.collection::<Document>("tickets").count_documents(doc! {}).await.unwrap();
    assert_eq!(tickets, announced.len() as u64);

    relay.stop().await.result.unwrap();
    opened.close().await;
    client.close().await;
    broker.stop().await;
    join_all(members.into_iter().map(Mongod::stop)).await;
}

#[tokio::test]
async fn a_primary_that_is_killed_during_writes_loses_nothing_that_was_confirmed() {
    lose_primaries(1).await;
}

#[tokio::test]
#[ignore = "takes minutes: cargo test -p store --test it -- --ignored replica_set"]
async fn ten_primaries_killed_one_after_the_other_lose_nothing() {
    lose_primaries(10).await;
}
