//! A simulated computer with one node of the cluster, and a reader of what the leader publishes.

use std::time::Duration;

use cluster::machine::{Bound, Config, Leadership, Machine, Message, Quorum, Start};
use cluster::{Epoch, Fence, Node};

use super::bug::Bug;
use super::clock::Clock;

/// The time on the walls when a run begins, in milliseconds since 1970.
const WALL_CLOCK: u64 = 1_700_000_000_000;

/// What the computers send each other.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Cluster(Message),
    Publication { epoch: Epoch },
}

/// A computer: its disk, its clock, and the life of its node if it runs.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) file: Option<Bound>,
    /// How far the clock on the wall is off, in milliseconds.
    pub(crate) wall: i64,
    pub(crate) drift: i32,
    pub(crate) life: Option<Life>,
    /// How many lives there were.
    pub(crate) lives: u64,
}

/// One life of a node.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pub(crate) reader: Fence,
    pub(crate) is_frozen: bool,
    /// What has arrived while it was frozen.
    pub(crate) waiting: Vec<(usize, Packet)>,
    /// It is killed in its next step that saves something, after so many effects.
    pub(crate) dies_after: Option<usize>,
}

impl Host {
    pub(crate) fn new(node: Node, wall: i64, drift: i32) -> Self {
        Self { node, file: None, wall, drift, life: None, lives: 0 }
    }

    pub(crate) fn start(&mut self, now: Duration, seeds: &[Node], size: usize, bug: Option<Bug>) {
        let quorum = if bug == Some(Bug::StaleRoster) { Quorum::None } else { Quorum::Majority };
        let config = Config {
            node: self.node.clone(),
            seeds: seeds.iter().cloned().collect(),
            size,
            quorum,
            lease: Duration::from_secs(3),
        };
        let real = WALL_CLOCK + u64::try_from(now.as_millis()).unwrap();
        let start = Start { memory: self.file.clone(), wall_clock: real.checked_add_signed(self.wall).unwrap() };
        let clock = Clock::new(now, self.drift);
        let machine = Machine::new(config, start, clock.read(now));
        self.lives += 1;
        let (reader, waiting) = (Fence::default(), Vec::new());
        self.life = Some(Life { machine, clock, reader, is_frozen: false, waiting, dies_after: None });
    }
}

impl Life {
    /// The epoch in which the node believes to lead.
    pub(crate) fn leads(&self, now: Duration) -> Option<Epoch> {
        match self.machine.leadership(self.clock.read(now)) {
            Leadership::Leader { epoch, .. } => Some(epoch),
            Leadership::Follower { .. } | Leadership::Unknown => None,
        }
    }
}
