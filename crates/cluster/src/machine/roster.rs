//! Who is in the cluster, as one node sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::Config;
use crate::node::Node;

/// After how many leases of silence a node is forgotten that is not a seed.
const FORGOTTEN_AFTER: u32 = 100;

/// How many other nodes are known at most, so that a node that invents names fills no memory.
const MOST_KNOWN: usize = 1000;

/// A node that is alive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its name.
    pub node: Node,
    /// Which of its lives this is: it is greater after each restart.
    pub incarnation: u64,
}

/// The nodes that this one knows, and when it last received something from each.
///
/// Every node judges for itself, by what it receives, and tells the others only whom it receives heartbeats from. So a dead node
/// is not kept alive by rumours.
#[derive(Debug)]
pub(crate) struct Roster {
    me: Member,
    seeds: BTreeSet<Node>,
    lease: Duration,
    known: BTreeMap<Node, Known>,
}

#[derive(Debug)]
struct Known {
    /// Messages of earlier incarnations are ignored.
    least: u64,
    /// When the last message was received, or the node was first named.
    since: Duration,
    is_alive: bool,
}

impl Roster {
    pub(crate) fn new(config: &Config, incarnation: u64, now: Duration) -> Self {
        let me = Member { node: config.node.clone(), incarnation };
        let mut roster = Self { me, seeds: config.seeds.clone(), lease: config.lease, known: BTreeMap::new() };
        roster.learn(&config.seeds, now);
        roster
    }

    pub(crate) fn me(&self) -> &Member {
        &self.me
    }

    /// Adds nodes that were named. Returns those that were not known.
    pub(crate) fn learn<'a>(&mut self, nodes: impl IntoIterator<Item = &'a Node>, now: Duration) -> Vec<Node> {
        let mut added = Vec::new();
        for node in nodes {
            let is_new = *node != self.me.node && !self.known.contains_key(node);
            if is_new && self.known.len() < MOST_KNOWN {
                self.known.insert(node.clone(), Known { least: 0, since: now, is_alive: false });
                added.push(node.clone());
            }
        }
        added
    }

    /// Notes a message of a known node; says whether it is one of the node's present life, and whether the node was away.
    pub(crate) fn receive(&mut self, from: &Node, incarnation: u64, now: Duration) -> Received {
        let Some(known) = self.known.get_mut(from).filter(|known| incarnation >= known.least) else {
            return Received::Outdated;
        };
        let was_alive = known.is_alive;
        *known = Known { least: incarnation, since: now, is_alive: true };
        if was_alive { Received::Expected } else { Received::Returned }
    }

    /// Removes a node that has stopped; only a later life of it can return.
    pub(crate) fn leave(&mut self, from: &Node, incarnation: u64) {
        if let Some(known) = self.known.get_mut(from) {
            known.least = incarnation.saturating_add(1);
            known.is_alive = false;
        }
    }

    /// Takes an incarnation that another node believes: it has seen a greater one, of a former life whose clock was ahead.
    pub(crate) fn rise(&mut self, least: u64) {
        self.me.incarnation = self.me.incarnation.max(least);
    }

    /// Removes who has been silent for a lease, and forgets who has been away for long.
    pub(crate) fn expire(&mut self, now: Duration) {
        for known in self.known.values_mut() {
            known.is_alive &= now < known.since + self.lease;
        }
        let forgotten = self.lease * FORGOTTEN_AFTER;
        self.known.retain(|node, known| now < known.since + forgotten || self.seeds.contains(node));
    }

    /// Does not count a time in which this node itself did not run: nobody else was silent because of that.
    pub(crate) fn excuse(&mut self, time: Duration) {
        self.known.values_mut().for_each(|known| known.since += time);
    }

    /// When the next node is removed, if it stays silent.
    pub(crate) fn expires_at(&self) -> Option<Duration> {
        self.known.values().filter(|known| known.is_alive).map(|known| known.since + self.lease).min()
    }

    /// All nodes that are alive, this one included, sorted by name.
    pub(crate) fn members(&self) -> Vec<Member> {
        let alive = self.known.iter().filter(|(_, known)| known.is_alive);
        let others = alive.map(|(node, known)| Member { node: node.clone(), incarnation: known.least });
        let mut members: Vec<_> = others.chain([self.me.clone()]).collect();
        members.sort();
        members
    }

    /// All other nodes, alive or not.
    pub(crate) fn others(&self) -> Vec<Node> {
        self.known.keys().cloned().collect()
    }

    /// The least incarnation of a node that is believed; `None` of a node that was only named yet.
    pub(crate) fn least(&self, node: &Node) -> Option<u64> {
        self.known.get(node).map(|known| known.least).filter(|least| *least > 0)
    }
}

/// What a message says about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It is of a former life, or of a node that nobody has named.
    Outdated,
    /// The sender was alive already.
    Expected,
    /// The sender was not alive before.
    Returned,
}
