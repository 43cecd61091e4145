//! What nodes say to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::epoch::Epoch;
use crate::node::Node;

/// A message from one node to another. Messages may be lost, late, duplicated and reordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The incarnation of the sender: a node that restarts has a greater one, so its former life is recognised.
    pub incarnation: u64,
    /// What it says.
    pub body: Body,
}

/// What a [`Message`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// The sender is alive.
    Heartbeat {
        /// The nodes that the sender receives heartbeats from: the receiver contacts those that it does not know.
        members: Vec<Node>,
        /// The least incarnation that the sender believes of the receiver, if it knows the receiver at all.
        least: Option<u64>,
        /// A proposal must be above it to be granted by everybody that the sender knows.
        highest: Epoch,
    },
    /// The sender stops; if it was the leader, its term has ended.
    Leave,
    /// The sender wants to lead, in a term of this epoch.
    Request {
        /// Whether it asks for votes, or before that whether it would get them.
        stage: Stage,
        /// The epoch that it proposes.
        epoch: Epoch,
    },
    /// The answer to a request.
    Answer {
        /// The stage that was asked for.
        stage: Stage,
        /// The epoch that was proposed.
        epoch: Epoch,
        /// Whether the sender votes, or would vote, for the receiver.
        granted: bool,
        /// A proposal must be above it to be granted.
        highest: Epoch,
    },
    /// The sender leads, or was elected and asks for the first confirmations.
    Lead {
        /// The epoch of its term.
        epoch: Epoch,
        /// The time of the sender's clock, which the answer repeats.
        sent: Duration,
    },
    /// The answer to `Lead`: the sender follows the receiver if this is the receiver's epoch, and refuses if it is greater.
    Follow {
        /// The highest epoch that the sender knows.
        epoch: Epoch,
        /// Whether the sender follows the receiver, and votes for nobody else for a whole lease.
        granted: bool,
        /// The time in the message that is answered.
        sent: Duration,
    },
}

/// The stages of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Whether a majority would vote. It binds nobody, so a node that is cut off raises no epoch.
    PreVote,
    /// The vote, which a node remembers before it answers.
    Vote,
}
