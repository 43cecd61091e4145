//! Who leads, as one node sees it.

use std::time::Duration;

use crate::epoch::Epoch;
use crate::node::Node;

/// Who leads, as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Nobody, or somebody that this node does not receive anything from.
    Unknown,
    /// Another node.
    Follower {
        /// The leader.
        leader: Node,
        /// The epoch of its term.
        epoch: Epoch,
    },
    /// This node.
    Leader {
        /// The epoch of its term.
        epoch: Epoch,
        /// When its term ends, by its own clock, if no majority confirms it again.
        until: Duration,
    },
}
