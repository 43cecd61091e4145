//! A cluster of one node.

use std::time::Duration;

use hub::Memory;
use service::{Error, Scope, Service};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::epoch::Epoch;
use crate::exchange::Exchange;
use crate::machine::Member;
use crate::node::Node;
use crate::term::Leader;
use crate::wall_clock::milliseconds;

/// Longer than any process runs: 30 years.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A node that has nobody to agree with: it leads from its start to its stop; its handle is the [`Cluster`].
#[derive(Clone, Debug)]
pub struct Alone {
    /// The name of the node.
    pub node: Node,
}

impl Service for Alone {
    type Handle = Cluster;

    async fn run(self, scope: Scope<Cluster>) -> Result<(), Error> {
        let (node, started) = (self.node, milliseconds());
        let (_members, members) = watch::channel(vec![Member { node: node.clone(), incarnation: started }]);
        let (_leader, leader) = watch::channel(Leader::This(Epoch(started), Instant::now() + FOR_EVER));
        scope.ready(Cluster { node, members, leader, exchange: Exchange::Alone(Memory::default()) });
        scope.stopping().await;
        Ok(())
    }
}
