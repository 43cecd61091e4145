//! The cluster, for those who use it.

use bytes::Bytes;
use hub::Channel;
use tokio::sync::watch;

use crate::machine::Member;
use crate::mesh::Mesh;
use crate::term::{Leader, Term};

/// The cluster, as one of its nodes sees it. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) members: watch::Receiver<Vec<Member>>,
    pub(crate) leader: watch::Receiver<Leader>,
    pub(crate) mesh: Mesh,
}

/// The term in which something was to be published has ended: nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the term has ended: another node may lead")]
pub struct TermEnded;

impl Cluster {
    /// Who is alive, this node included, sorted by name; it follows every change.
    pub fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.clone()
    }

    /// Who leads; it follows every change.
    pub fn leader(&self) -> watch::Receiver<Leader> {
        self.leader.clone()
    }

    /// What carries the messages of a hub between the nodes.
    pub fn mesh(&self) -> Mesh {
        self.mesh.clone()
    }

    /// Waits until this node leads; `None` if it has stopped.
    pub async fn promoted(&self) -> Option<Term> {
        Term::begun(self.leader.clone()).await
    }

    /// Publishes a message in a term; its id. No reader gets it after a message of a later term.
    ///
    /// # Errors
    ///
    /// When the term has ended.
    pub async fn publish(&self, term: &Term, channel: &Channel, body: Bytes) -> Result<u64, TermEnded> {
        if !term.is_valid() {
            return Err(TermEnded);
        }
        self.mesh.publish_in(term.epoch(), channel, body).await.ok_or(TermEnded)
    }
}
