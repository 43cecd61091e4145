//! What a node is configured with, and what it starts with.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::epoch::Epoch;
use crate::node::Node;

/// What a node is configured with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node itself.
    pub node: Node,
    /// The nodes that it contacts first, and never forgets: any one that is in the cluster is enough.
    pub seeds: BTreeSet<Node>,
    /// How many nodes the cluster has, all counted. It must be the same at all of them.
    pub size: usize,
    /// How many nodes must agree on a leader.
    pub quorum: Quorum,
    /// How long a node is believed that says nothing: a member stays in the roster, and a leader keeps its term.
    pub lease: Duration,
}

impl Config {
    /// The pause between two heartbeats.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.lease / 6
    }

    /// The pause between the attempts of one node to be elected.
    pub(crate) fn attempt(&self) -> Duration {
        self.lease / 12
    }

    /// The head start that a node has of the one sorted after it: longer than an attempt and the pause behind it, so that the
    /// first of those that can be elected is.
    pub(crate) fn head_start(&self) -> Duration {
        self.lease / 3
    }

    /// How long a leader may lead after it has sent what a majority has confirmed.
    pub(crate) fn term(&self) -> Duration {
        term(self.lease)
    }
}

/// How long a leader may lead after it has sent what was confirmed for a lease: a tenth less, since clocks differ in rate.
pub(crate) fn term(lease: Duration) -> Duration {
    lease - lease / 10
}

/// How many nodes must agree on a leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quorum {
    /// More than half of the configured size. What remains of a cluster below that has no leader.
    #[default]
    Majority,
    /// More than half of the nodes that a node receives heartbeats from: the last survivor leads. A network that is cut in two has two leaders,
    /// and their terms may have the same epoch.
    None,
}

/// What a node must remember when it restarts: whom it voted for, or follows.
///
/// Two nodes lead in the same epoch only if some node has bound itself to both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The highest epoch that it has voted or followed in.
    pub epoch: Epoch,
    /// The node that it voted for, or followed, in that epoch.
    pub to: Node,
}

/// What a life of a node starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// What the node remembers of its former lives; `None` if it never ran, or its file is lost.
    pub memory: Option<Bound>,
    /// Milliseconds since 1970, by the clock on the wall. It makes incarnations grow, and the epochs of a node that remembers
    /// nothing; a clock that is wrong delays the first, and other measures keep the second correct.
    pub wall_clock: u64,
}
