//! Who leads.

use std::time::Duration;

use cluster::machine::{Body, Bound, Effect, Input, Leadership, Machine, Message, Quorum, Stage, Start};
use cluster::{Epoch, Fence};

use crate::lan::{LEASE, Lan, config, node};

const SECOND: Duration = Duration::from_secs(1);

/// Three nodes, of which the first leads.
fn led() -> (Lan, Epoch) {
    let mut lan = Lan::of(3);
    lan.pass(LEASE + SECOND);
    let leaders = lan.leaders();
    assert_eq!(leaders.len(), 1);
    assert_eq!(leaders[0].0, node(1));
    (lan, leaders[0].1)
}

#[test]
fn the_node_that_is_sorted_first_leads_and_the_others_know() {
    let (lan, epoch) = led();
    for number in [2, 3] {
        let leadership = lan.nodes[&node(number)].leadership(lan.now);
        assert_eq!(leadership, Leadership::Follower { leader: node(1), epoch });
    }
}

#[test]
fn the_next_node_leads_when_the_leader_is_killed_with_the_next_epoch() {
    let (mut lan, epoch) = led();
    lan.kill(1);
    lan.pass(LEASE + SECOND);
    assert_eq!(lan.leaders(), [(node(2), Epoch(epoch.0 + 1))]);
}

#[test]
fn a_former_leader_that_returns_follows() {
    let (mut lan, epoch) = led();
    lan.kill(1);
    lan.pass(LEASE + SECOND);
    lan.start(config(1, 3), 20_000);
    lan.pass(LEASE * 3);
    let epoch = Epoch(epoch.0 + 1);
    assert_eq!(lan.leaders(), [(node(2), epoch)]);
    assert_eq!(lan.nodes[&node(1)].leadership(lan.now), Leadership::Follower { leader: node(2), epoch });
}

#[test]
fn a_leader_that_stops_hands_over_without_a_lease() {
    let (mut lan, epoch) = led();
    lan.step(&node(1), Input::Leave);
    assert!(lan.leaders().is_empty());
    lan.pass(SECOND / 10);
    assert_eq!(lan.leaders(), [(node(2), Epoch(epoch.0 + 1))]);
}

#[test]
fn a_leader_that_is_cut_off_ends_its_term_before_another_one_begins() {
    let (mut lan, epoch) = led();
    lan.cut(&[1]);
    let (mut was_without, mut last) = (false, lan.leaders());
    for _ in 0..500 {
        lan.pass(SECOND / 100);
        last = lan.leaders();
        assert!(last.len() <= 1);
        was_without |= last.is_empty();
    }
    assert!(was_without);
    assert_eq!(last, [(node(2), Epoch(epoch.0 + 1))]);
    lan.cut(&[]);
    lan.pass(SECOND);
    assert_eq!(lan.leaders(), last);
}

#[test]
fn a_leader_that_was_frozen_follows() {
    let (mut lan, epoch) = led();
    lan.freeze(1);
    lan.pass(LEASE * 3);
    assert_eq!(lan.leaders(), [(node(2), Epoch(epoch.0 + 1))]);
    lan.thaw(1);
    lan.pass(SECOND);
    assert_eq!(lan.leaders(), [(node(2), Epoch(epoch.0 + 1))]);
}

#[test]
fn the_last_survivor_leads_only_if_no_quorum_is_asked_for() {
    for (quorum, leaders) in [(Quorum::Majority, 0), (Quorum::None, 1)] {
        let mut lan = Lan::default();
        for number in 1..=3 {
            let mut config = config(number, 3);
            config.quorum = quorum;
            lan.start(config, 1000);
        }
        lan.pass(LEASE * 2);
        assert_eq!(lan.leaders().len(), 1);
        lan.kill(1);
        lan.kill(2);
        lan.pass(LEASE * 2);
        assert_eq!(lan.leaders().len(), leaders);
    }
}

#[test]
fn without_a_quorum_a_cut_has_two_leaders_and_its_end_one() {
    let mut lan = Lan::default();
    for number in 1..=4 {
        let mut config = config(number, 4);
        config.quorum = Quorum::None;
        lan.start(config, 1000);
    }
    lan.pass(LEASE * 2);
    lan.cut(&[1, 2]);
    lan.pass(LEASE * 2);
    assert_eq!(lan.leaders().len(), 2);
    lan.cut(&[]);
    lan.pass(LEASE * 2);
    assert_eq!(lan.leaders().len(), 1);
}

#[test]
fn more_nodes_than_configured_elect_nobody() {
    let mut lan = Lan::default();
    (1..=4).for_each(|number| lan.start(config(number, 3), 1000));
    lan.pass(LEASE * 3);
    assert!(lan.leaders().is_empty());
    lan.step(&node(4), Input::Leave);
    lan.pass(LEASE);
    assert_eq!(lan.leaders().len(), 1);
}

#[test]
fn a_cluster_of_one_leads_itself_after_a_lease() {
    let mut lan = Lan::of(1);
    lan.pass(LEASE - SECOND);
    assert!(lan.leaders().is_empty());
    lan.pass(SECOND * 2);
    assert_eq!(lan.leaders().len(), 1);
}

/// What a node answers to a request for its vote, and what it does before.
fn asked(machine: &mut Machine, now: Duration, epoch: u64) -> (bool, Vec<Effect>) {
    let request = Body::Request { stage: Stage::Vote, epoch: Epoch(epoch) };
    let message = Message { incarnation: 1, body: request };
    let mut effects = machine.step(now, Input::Received { from: node(9), message });
    let Some(Effect::Send { message, .. }) = effects.pop() else { panic!("{effects:?}") };
    let Body::Answer { granted, .. } = message.body else { panic!("{message:?}") };
    (granted, effects)
}

#[test]
fn a_node_saves_its_vote_before_it_answers_and_votes_once_in_an_epoch() {
    let memory = Bound { epoch: Epoch(5), to: node(1) };
    let mut machine = Machine::new(config(2, 3), Start { memory: Some(memory), wall_clock: 1000 }, Duration::ZERO);
    let now = LEASE + SECOND / 100;
    assert!(!asked(&mut machine, now, 5).0);
    let (granted, before) = asked(&mut machine, now, 6);
    assert!(granted);
    assert!(before.iter().any(|effect| matches!(effect, Effect::Save(bound) if bound.epoch == Epoch(6))));
}

#[test]
fn a_node_that_has_started_votes_for_nobody_for_a_lease() {
    let memory = Bound { epoch: Epoch(5), to: node(1) };
    for memory in [Some(memory), None] {
        let mut machine = Machine::new(config(2, 3), Start { memory, wall_clock: 1000 }, Duration::ZERO);
        assert!(!asked(&mut machine, LEASE - SECOND, 1_000_000).0);
        assert!(asked(&mut machine, LEASE + SECOND / 100, 1_000_000).0);
    }
}

#[test]
fn a_node_that_remembers_nothing_votes_only_far_above_what_it_learns() {
    let mut machine = Machine::new(config(2, 3), Start { memory: None, wall_clock: 1000 }, Duration::ZERO);
    let heartbeat = Body::Heartbeat { members: Vec::new(), least: None, highest: Epoch(7000) };
    let message = Message { incarnation: 1, body: heartbeat };
    machine.step(SECOND, Input::Received { from: node(9), message });
    assert!(!asked(&mut machine, LEASE + SECOND / 100, 17_000).0);
    assert!(asked(&mut machine, LEASE + SECOND / 50, 17_001).0);
}

#[test]
fn a_node_follows_no_earlier_term_than_it_has_voted_in() {
    let memory = Bound { epoch: Epoch(5), to: node(1) };
    let mut machine = Machine::new(config(2, 3), Start { memory: Some(memory), wall_clock: 1000 }, Duration::ZERO);
    for (epoch, follows) in [(4, false), (5, true), (4, false), (6, true)] {
        let body = Body::Lead { epoch: Epoch(epoch), sent: SECOND };
        let message = Message { incarnation: 1, body };
        let effects = machine.step(SECOND, Input::Received { from: node(9), message });
        let Some(Effect::Send { message, .. }) = effects.last() else { panic!("{effects:?}") };
        assert!(matches!(message.body, Body::Follow { granted, .. } if granted == follows), "{message:?}");
        assert_eq!(effects.iter().any(|effect| matches!(effect, Effect::Save(_))), follows);
    }
}

#[test]
fn a_leader_that_learns_of_a_later_term_by_its_publication_steps_down() {
    let (mut lan, epoch) = led();
    let later = Epoch(epoch.0 + 10);
    lan.step(&node(1), Input::Observed { epoch: later, leader: node(3) });
    assert!(lan.leaders().is_empty());
    lan.pass(LEASE * 2);
    assert_eq!(lan.leaders().len(), 1);
    assert!(lan.leaders()[0].1 > later);
}

#[test]
fn a_fence_admits_no_earlier_term_after_a_later_one() {
    let mut fence = Fence::default();
    assert!([3, 3, 4, 4].into_iter().all(|epoch| fence.admits(Epoch(epoch))));
    assert!(!fence.admits(Epoch(3)));
    assert!(fence.admits(Epoch(5)));
}
