//! What a node asks its carrier to do.

use super::config::Bound;
use super::message::Message;
use crate::node::Node;

/// What a node asks its carrier to do, in the order in which it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write this to the file, and sync it, before any later effect and before anybody learns who leads: both promise what it says.
    /// If that fails, the node must stop without a further effect. A later one replaces an earlier one.
    Save(Bound),
    /// Send a message, or drop it if the node can't be reached.
    Send {
        /// The receiver.
        to: Node,
        /// The message.
        message: Message,
    },
}
