//! Nodes that are cut off from each other, from their broker, and brokers that stop.

use testkit::until;
use tokio::time::sleep;

use super::site::{Bus, LEASE, Site};

/// Cuts the mesh in two: nothing passes between this node and the others, and no connection ends.
fn isolate(site: &Site, node: usize) {
    let names = |of: &dyn Fn(usize) -> bool| {
        let places = site.places.iter().enumerate().filter(|(number, _)| of(*number));
        places.map(|(_, place)| place.name.clone()).collect::<Vec<_>>()
    };
    for (number, place) in site.places.iter().enumerate() {
        let from = if number == node { names(&|other| other != node) } else { names(&|other| other == node) };
        place.relay.cut_from(from.iter().map(String::as_str));
    }
}

fn heal(site: &Site) {
    for place in &site.places {
        place.relay.cut_from([]);
        place.relay.cut(false);
    }
}

#[tokio::test]
async fn of_a_mesh_in_two_parts_only_the_greater_one_publishes() {
    let site = Site::three(Bus::Mesh).await;
    let (leader, epoch) = site.agreed().await;
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    let (mut alone, mut together) = (site.numbers_at(leader).await, site.numbers_at(others[0]).await);
    assert_eq!((alone.next().await, together.next().await), (epoch, epoch));
    isolate(&site, leader);
    let later = together.later(epoch).await;
    site.agree(&others).await;
    let nobody = || async { site.seen_by(leader).await.is_some_and(|seen| seen["leader"].is_null()) };
    until("the node that is alone knows that nobody leads there", nobody).await;
    heal(&site);
    assert!(alone.later(epoch).await >= later);
    let (remains, _) = site.agreed().await;
    assert_ne!(remains, leader);
    site.end().await;
}

#[tokio::test]
async fn of_a_mesh_without_a_quorum_both_parts_publish_until_it_is_whole_again() {
    let mut site = Site::of(Bus::Mesh, 3, "none").await;
    for node in 0..3 {
        site.start(node);
    }
    let (leader, epoch) = site.agreed().await;
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    isolate(&site, leader);
    let mut together = site.numbers_at(others[0]).await;
    together.later(epoch).await;
    // The other part goes on, or begins a term of its own.
    let leads = || async { site.seen_by(leader).await.is_some_and(|seen| seen["leader"] == site.places[leader].name) };
    until("both parts lead", leads).await;
    heal(&site);
    site.agreed().await;
    site.end().await;
}

#[tokio::test]
async fn a_leader_that_is_cut_off_from_the_broker_stops_by_itself() {
    let site = Site::three(Bus::Nats).await;
    let (leader, epoch) = site.agreed().await;
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    let (mut alone, mut together) = (site.numbers_at(leader).await, site.numbers_at(others[0]).await);
    assert_eq!((alone.next().await, together.next().await), (epoch, epoch));
    site.places[leader].relay.cut(true);
    let nobody = || async { site.seen_by(leader).await.is_some_and(|seen| seen["leader"].is_null()) };
    until("it knows that it does not lead any more", nobody).await;
    let later = together.later(epoch).await;
    heal(&site);
    assert!(alone.later(epoch).await >= later);
    site.agreed().await;
    together.many(20).await;
    site.end().await;
}

#[tokio::test]
async fn after_a_broker_that_was_frozen_or_restarted_one_node_leads_in_a_later_term() {
    let mut site = Site::three(Bus::Nats).await;
    let (_, mut epoch) = site.agreed().await;
    let mut reader = site.numbers_at(1).await;
    reader.next().await;
    let broker = site.broker.as_ref().unwrap();
    broker.freeze();
    sleep(LEASE * 2).await; // longer than any term lasts
    broker.wake();
    epoch = reader.later(epoch).await;
    let (_, newest) = site.agreed().await;
    assert!(newest >= epoch);
    reader.many(20).await;
    let broker = site.broker.as_mut().unwrap();
    broker.kill().await;
    sleep(LEASE * 2).await;
    broker.restart().await;
    reader.later(newest).await;
    site.agreed().await;
    reader.many(20).await;
    site.end().await;
}
