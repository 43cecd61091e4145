//! Bugs that the simulation must find: it may be blind otherwise.

use std::time::Duration;

use cluster::machine::{Body, Message};

/// A bug, switched on for a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Readers admit whatever is published.
    NoFence,
    /// A majority of whom a node sees elects, instead of a majority of all.
    StaleRoster,
    /// The lease counts from when its confirmation arrives, instead of when the leader asked: so it lasts beyond its end.
    LeaseFromAnswer,
    /// A file is written once and never again, so a node that restarts votes twice.
    VoteNotSaved,
}

impl Bug {
    /// Makes a confirmation look as if it answered what the leader sends now: a node takes no confirmation of its future.
    pub(crate) fn confuse(message: &mut Message) {
        if let Body::Follow { sent, .. } = &mut message.body {
            *sent = Duration::MAX;
        }
    }
}
