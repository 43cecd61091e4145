//! Nodes that are processes, which can be killed and frozen.

use std::process::Command;

use cluster::Node;
use nix::sys::signal::Signal;
use testkit::{Process, programs};

use super::testnode::Place;

/// A process of the example `bell`, which prints who leads and in which term, again and again.
struct Bell {
    nodes: Vec<Node>,
    process: Process,
    /// What it has printed last: the number of the node that leads, and the epoch of its term.
    newest: (usize, u64),
}

impl Bell {
    fn start(place: &Place, number: usize) -> Self {
        let join = place.join(number);
        let mut command = Command::new(programs().join("examples/bell"));
        command.arg(join.config.node.as_str()).arg(place.nodes.len().to_string()).arg(&join.file);
        command.args(join.config.seeds.iter().map(Node::as_str));
        Self { nodes: place.nodes.clone(), process: Process::start(command), newest: (0, 0) }
    }

    /// The next line: of the same term as the last one, by the same node, or of a later term.
    fn rung(&mut self) -> (usize, u64) {
        let line = self.process.line();
        let (node, epoch) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let number = self.nodes.iter().position(|known| known.as_str() == node).unwrap();
        let next = (number, epoch.parse().unwrap());
        assert!(next.1 > self.newest.1 || next == self.newest, "{next:?} after {:?}", self.newest);
        self.newest = next;
        next
    }

    /// Reads until a term that is later than this one.
    fn later(&mut self, than: (usize, u64)) -> (usize, u64) {
        loop {
            let next = self.rung();
            if next.1 > than.1 {
                return next;
            }
        }
    }
}

#[test]
fn a_leader_that_is_killed_is_replaced_again_and_again() {
    let place = Place::of(3);
    let mut bells: Vec<_> = (0..3).map(|number| Bell::start(&place, number)).collect();
    let mut newest = bells[2].rung();
    for _ in 0..4 {
        let leader = newest.0;
        bells[leader].process.kill();
        newest = bells[(leader + 1) % 3].later(newest);
        assert_ne!(newest.0, leader);
        // It returns with its file, and follows.
        bells[leader] = Bell::start(&place, leader);
        let returned = bells[leader].rung();
        assert!(returned.1 >= newest.1, "{returned:?} after {newest:?}");
        newest = returned;
    }
}

#[test]
fn nothing_of_a_leader_that_was_frozen_reaches_anybody_after_the_next_one() {
    let place = Place::of(3);
    let mut bells: Vec<_> = (0..3).map(|number| Bell::start(&place, number)).collect();
    let first = bells[0].rung();
    let leader = first.0;
    bells[leader].process.signal(Signal::SIGSTOP);
    let next = bells[(leader + 1) % 3].later(first);
    assert_ne!(next.0, leader);
    bells[leader].process.signal(Signal::SIGCONT);
    // Each of them, the one that was frozen too, prints the next term, and nothing of the first after it.
    for bell in &mut bells {
        bell.later(first);
        for _ in 0..20 {
            bell.rung();
        }
    }
}
