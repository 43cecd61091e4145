//! One node leads, and when it can't, another one does.

use nix::sys::signal::Signal;
use testkit::until;

use super::site::{Bus, Site};

/// Another node than these.
fn other(than: &[usize]) -> usize {
    (0..3).find(|node| !than.contains(node)).unwrap()
}

async fn a_leader_that_is_killed_is_replaced_and_returns_as_a_follower(bus: Bus) {
    let mut site = Site::three(bus).await;
    for _ in 0..3 {
        let (leader, epoch) = site.agreed().await;
        let survivors = [other(&[leader]), other(&[leader, other(&[leader])])];
        let mut readers = [site.numbers_at(survivors[0]).await, site.numbers_at(survivors[1]).await];
        for reader in &mut readers {
            assert_eq!(reader.next().await, epoch);
        }
        site.kill(leader);
        for reader in &mut readers {
            reader.later(epoch).await;
            reader.many(20).await;
        }
        let (next, later) = site.agreed().await;
        assert!(next != leader && later > epoch, "{next} leads in {later} after {leader} in {epoch}");
        site.start(leader); // with the configuration of the first time
        let (remains, _) = site.agreed().await;
        assert_ne!(remains, leader, "leadership does not move back");
    }
    // The number server has one reader, and two for a moment while one term follows another.
    assert_eq!(site.numbers.open(), 1);
    assert!(site.numbers.most() <= 2);
    site.end().await;
}

#[tokio::test]
async fn a_leader_that_is_killed_is_replaced_and_returns_as_a_follower_over_the_mesh() {
    a_leader_that_is_killed_is_replaced_and_returns_as_a_follower(Bus::Mesh).await;
}

#[tokio::test]
async fn a_leader_that_is_killed_is_replaced_and_returns_as_a_follower_over_nats() {
    a_leader_that_is_killed_is_replaced_and_returns_as_a_follower(Bus::Nats).await;
}

async fn a_leader_that_stops_hands_over_and_its_successor_may_be_killed_at_once(bus: Bus) {
    let mut site = Site::of(bus, 5, "majority").await;
    for node in 0..5 {
        site.start(node);
    }
    let (first, epoch) = site.agreed().await;
    let reads = usize::from(first == 0); // a node that is neither the leader nor stopped
    let mut reader = site.numbers_at(reads).await;
    assert_eq!(reader.next().await, epoch);
    site.stop(first).await;
    let second = reader.later(epoch).await;
    let (leader, epoch) = site.agreed().await;
    assert!(epoch >= second);
    if leader != reads {
        site.kill(leader);
        reader.later(epoch).await;
        let (third, _) = site.agreed().await;
        assert_ne!(third, leader);
    }
    site.end().await;
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_and_its_successor_may_be_killed_at_once_over_the_mesh() {
    a_leader_that_stops_hands_over_and_its_successor_may_be_killed_at_once(Bus::Mesh).await;
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_and_its_successor_may_be_killed_at_once_over_nats() {
    a_leader_that_stops_hands_over_and_its_successor_may_be_killed_at_once(Bus::Nats).await;
}

async fn nothing_of_a_leader_that_was_frozen_comes_after_the_next_one(bus: Bus) {
    let mut site = Site::three(bus).await;
    let (leader, epoch) = site.agreed().await;
    let reads = other(&[leader]);
    let mut readers = [site.numbers_at(reads).await, site.numbers_at(leader).await];
    for reader in &mut readers {
        assert_eq!(reader.next().await, epoch);
    }
    site.signal(leader, Signal::SIGSTOP);
    let survivors = [reads, other(&[leader, reads])];
    let later = readers[0].later(epoch).await;
    site.agree(&survivors).await;
    site.signal(leader, Signal::SIGCONT);
    // Each reader, at the node that was frozen too, gets the later term, and nothing of the first one after it.
    for reader in &mut readers {
        reader.later(epoch).await;
        reader.many(50).await;
        assert!(reader.newest >= later);
    }
    let (remains, _) = site.agreed().await;
    assert_ne!(remains, leader, "it follows, without a restart");
    site.end().await;
}

#[tokio::test]
async fn nothing_of_a_leader_that_was_frozen_comes_after_the_next_one_over_the_mesh() {
    nothing_of_a_leader_that_was_frozen_comes_after_the_next_one(Bus::Mesh).await;
}

#[tokio::test]
async fn nothing_of_a_leader_that_was_frozen_comes_after_the_next_one_over_nats() {
    nothing_of_a_leader_that_was_frozen_comes_after_the_next_one(Bus::Nats).await;
}

async fn the_last_survivor_leads(bus: Bus, quorum: &'static str) {
    let mut site = Site::of(bus, 3, quorum).await;
    for node in 0..3 {
        site.start(node);
    }
    let (_, epoch) = site.agreed().await;
    let mut reader = site.numbers_at(2).await;
    site.kill(0);
    site.agreed().await;
    site.kill(1);
    let (last, later) = site.agreed().await;
    assert!(last == 2 && later >= epoch, "{last} leads in {later}, after {epoch}");
    reader.many(20).await;
    // All of them at once, after all of them are gone.
    site.kill(2);
    for node in 0..3 {
        site.start(node);
    }
    let (leader, newest) = site.agreed().await;
    assert!(newest > later, "{leader} leads in {newest}, after {later}");
    site.end().await;
}

#[tokio::test]
async fn the_last_survivor_leads_over_nats() {
    the_last_survivor_leads(Bus::Nats, "majority").await;
}

#[tokio::test]
async fn the_last_survivor_leads_over_a_mesh_without_a_quorum() {
    the_last_survivor_leads(Bus::Mesh, "none").await;
}

#[tokio::test]
async fn over_a_mesh_with_a_quorum_the_last_survivor_follows_nobody_and_leads_again_with_a_second_one() {
    let mut site = Site::three(Bus::Mesh).await;
    let (leader, epoch) = site.agreed().await;
    let last = other(&[leader]);
    let mut reader = site.numbers_at(last).await;
    site.kill(leader);
    site.kill(other(&[leader, last]));
    until("nobody leads", || async { site.seen_by(last).await.is_some_and(|seen| seen["leader"].is_null()) }).await;
    site.start(leader);
    site.agreed().await;
    reader.later(epoch).await;
    site.end().await;
}
