//! Some nodes in one room: every message arrives at once, unless it is cut, and all clocks are the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use cluster::machine::{Bound, Config, Effect, Input, Leadership, Machine, Message, Quorum, Start};
use cluster::{Epoch, Node};

pub(crate) const LEASE: Duration = Duration::from_secs(3);

const STEP: Duration = Duration::from_millis(10);

/// The nodes, and their files.
#[derive(Debug, Default)]
pub(crate) struct Lan {
    pub(crate) now: Duration,
    pub(crate) nodes: BTreeMap<Node, Machine>,
    pub(crate) files: BTreeMap<Node, Bound>,
    /// Nodes that neither run nor receive, with what waits for them.
    frozen: BTreeMap<Node, Vec<(Node, Message)>>,
    /// Nodes on the other side of a cut.
    apart: BTreeSet<Node>,
}

/// The node with this number.
pub(crate) fn node(number: usize) -> Node {
    format!("127.0.0.{number}:4440").parse().unwrap()
}

pub(crate) fn config(number: usize, size: usize) -> Config {
    Config { node: node(number), seeds: [node(1)].into(), size, quorum: Quorum::Majority, lease: LEASE }
}

impl Lan {
    /// Nodes 1 to `size`, which all know the first.
    pub(crate) fn of(size: usize) -> Self {
        let mut lan = Self::default();
        (1..=size).for_each(|number| lan.start(config(number, size), 1000));
        lan
    }

    pub(crate) fn start(&mut self, config: Config, wall_clock: u64) {
        let start = Start { memory: self.files.get(&config.node).cloned(), wall_clock };
        self.nodes.insert(config.node.clone(), Machine::new(config, start, self.now));
    }

    pub(crate) fn kill(&mut self, number: usize) {
        self.nodes.remove(&node(number)).unwrap();
    }

    pub(crate) fn freeze(&mut self, number: usize) {
        self.frozen.insert(node(number), Vec::new());
    }

    pub(crate) fn thaw(&mut self, number: usize) {
        for (from, message) in self.frozen.remove(&node(number)).unwrap() {
            self.step(&node(number), Input::Received { from, message });
        }
    }

    /// Cuts these nodes from the others.
    pub(crate) fn cut(&mut self, numbers: &[usize]) {
        self.apart = numbers.iter().map(|number| node(*number)).collect();
    }

    /// What happens to one node, and all that follows from it.
    pub(crate) fn step(&mut self, node: &Node, input: Input) {
        let mut waiting = VecDeque::from([(node.clone(), input)]);
        while let Some((node, input)) = waiting.pop_front() {
            if let (Some(frozen), Input::Received { from, message }) = (self.frozen.get_mut(&node), &input) {
                frozen.push((from.clone(), message.clone()));
                continue;
            }
            let Some(machine) = self.nodes.get_mut(&node) else { continue };
            for effect in machine.step(self.now, input) {
                match effect {
                    Effect::Save(bound) => drop(self.files.insert(node.clone(), bound)),
                    Effect::Send { to, message } => {
                        if self.apart.contains(&to) == self.apart.contains(&node) {
                            waiting.push_back((to, Input::Received { from: node.clone(), message }));
                        }
                    }
                }
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            for node in self.nodes.keys().cloned().collect::<Vec<_>>() {
                let is_due = self.nodes[&node].wakes_at() <= self.now;
                if is_due && !self.frozen.contains_key(&node) {
                    self.step(&node, Input::Tick);
                }
            }
        }
    }

    /// The nodes that lead, with the epochs of their terms.
    pub(crate) fn leaders(&self) -> Vec<(Node, Epoch)> {
        let leads = |(node, machine): (&Node, &Machine)| match machine.leadership(self.now) {
            Leadership::Leader { epoch, .. } => Some((node.clone(), epoch)),
            Leadership::Follower { .. } | Leadership::Unknown => None,
        };
        self.nodes.iter().filter_map(leads).collect()
    }

    /// The names in the roster of a node.
    pub(crate) fn roster(&self, number: usize) -> Vec<Node> {
        self.nodes[&node(number)].members().into_iter().map(|member| member.node).collect()
    }
}
