//! The cluster, for those who use it.

use bytes::Bytes;
use hub::{Channel, NotPublished};
use tokio::sync::watch;

use crate::exchange::Exchange;
use crate::machine::Member;
use crate::node::Node;
use crate::term::{Leader, Term};

/// The cluster, as one of its nodes sees it. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) node: Node,
    pub(crate) members: watch::Receiver<Vec<Member>>,
    pub(crate) leader: watch::Receiver<Leader>,
    pub(crate) exchange: Exchange,
}

impl Cluster {
    /// This node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Who is alive, this node included, sorted by name; it follows every change.
    pub fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.clone()
    }

    /// Who leads; it follows every change.
    pub fn leader(&self) -> watch::Receiver<Leader> {
        self.leader.clone()
    }

    /// What carries the messages of a hub between the nodes.
    pub fn exchange(&self) -> Exchange {
        self.exchange.clone()
    }

    /// Waits until this node leads; `None` if it has stopped.
    pub async fn promoted(&self) -> Option<Term> {
        Term::begun(self.leader.clone()).await
    }

    /// Publishes a message in a term; its id. No reader of the channel gets it after a message of a later term, if nothing else
    /// is published there.
    ///
    /// # Errors
    ///
    /// When the term has ended, and when what carries the messages is away.
    pub async fn publish(&self, term: &Term, channel: &Channel, body: Bytes) -> Result<u64, NotPublished> {
        if !term.is_valid() {
            return Err(NotPublished::Outdated);
        }
        self.exchange.publish_in(term.epoch(), channel, body).await
    }
}
