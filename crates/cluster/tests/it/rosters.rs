//! Who is in the cluster.

use std::time::Duration;

use cluster::machine::{Body, Input, Message};

use crate::lan::{LEASE, Lan, config, node};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_node_that_knows_any_other_one_joins_all() {
    let mut lan = Lan::of(3);
    lan.pass(SECOND);
    let mut fourth = config(4, 4);
    fourth.seeds = [node(3)].into();
    lan.start(fourth, 1000);
    lan.pass(SECOND);
    for number in 1..=4 {
        assert_eq!(lan.roster(number), [node(1), node(2), node(3), node(4)]);
    }
}

#[test]
fn a_node_that_is_killed_or_frozen_leaves_the_roster_after_a_lease() {
    let mut lan = Lan::of(4);
    lan.pass(SECOND);
    lan.kill(3);
    lan.freeze(4);
    lan.pass(LEASE - SECOND);
    assert_eq!(lan.roster(1).len(), 4);
    lan.pass(SECOND * 2);
    assert_eq!(lan.roster(1), [node(1), node(2)]);
}

#[test]
fn a_node_that_was_frozen_accuses_nobody_and_returns() {
    let mut lan = Lan::of(3);
    lan.pass(SECOND);
    lan.freeze(3);
    lan.pass(LEASE * 3);
    lan.thaw(3);
    assert_eq!(lan.roster(3).len(), 3);
    lan.pass(SECOND);
    assert_eq!(lan.roster(1).len(), 3);
}

#[test]
fn a_node_that_stops_leaves_the_roster_at_once() {
    let mut lan = Lan::of(3);
    lan.pass(SECOND);
    lan.step(&node(3), Input::Leave);
    assert_eq!(lan.roster(1), [node(1), node(2)]);
    lan.pass(LEASE * 2);
    assert_eq!(lan.roster(2), [node(1), node(2)]);
}

#[test]
fn a_node_that_restarts_shows_as_another_incarnation_although_nobody_has_missed_it() {
    let mut lan = Lan::of(3);
    lan.pass(SECOND);
    let before = lan.nodes[&node(1)].members();
    lan.kill(2);
    lan.start(config(2, 3), 2000);
    lan.pass(SECOND);
    let after = lan.nodes[&node(1)].members();
    assert!(after[1].incarnation > before[1].incarnation);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
}

#[test]
fn a_node_that_restarts_with_its_clock_behind_returns() {
    for stops in [false, true] {
        let mut lan = Lan::of(3);
        lan.pass(SECOND);
        if stops {
            lan.step(&node(2), Input::Leave);
        }
        lan.kill(2);
        lan.start(config(2, 3), 10);
        lan.pass(SECOND);
        assert!((1..=3).all(|number| lan.roster(number).len() == 3));
    }
}

#[test]
fn groups_that_were_cut_from_each_other_find_each_other_again() {
    let mut lan = Lan::of(4);
    lan.pass(SECOND);
    lan.cut(&[3, 4]);
    lan.pass(LEASE * 10);
    assert_eq!((lan.roster(1), lan.roster(4)), (vec![node(1), node(2)], vec![node(3), node(4)]));
    lan.cut(&[]);
    lan.pass(SECOND);
    assert!((1..=4).all(|number| lan.roster(number).len() == 4));
}

#[test]
fn what_a_former_life_has_sent_is_ignored() {
    let mut lan = Lan::of(3);
    lan.pass(SECOND);
    let former = lan.nodes[&node(2)].members()[1].incarnation;
    lan.kill(2);
    lan.start(config(2, 3), 2000);
    lan.pass(SECOND);
    let before = lan.nodes[&node(1)].members();
    let message = Message { incarnation: former, body: Body::Leave };
    lan.step(&node(1), Input::Received { from: node(2), message });
    assert_eq!(lan.nodes[&node(1)].members(), before);
}
