//! Who is here, and who leads, once a second.

use std::time::Duration;

use hub::{Channel, Hub, Transport};
use service::{Error, Scope, Service};
use telemetry::WarnOnce;
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::wall_clock::milliseconds;

/// Announces on a channel who is here, and who leads.
///
/// Each second, by the clock on the wall, the node whose turn it is publishes its name, with a `*` behind it if it leads. So a
/// reader of the channel sees one line a second, and no node need be asked whose turn it is.
#[derive(Clone, Debug)]
pub struct Announcer<T> {
    /// The cluster.
    pub cluster: Cluster,
    /// The hub with the channel.
    pub hub: Hub<T>,
    /// The channel.
    pub channel: Channel,
}

impl<T: Transport> Service for Announcer<T> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let (stopping, mut once) = (scope.stopping(), WarnOnce::default());
        while stopping.or(next_second()).await.is_some() {
            let Some(line) = self.line(milliseconds() / 1000) else { continue };
            match self.hub.publish(&self.channel, line.into()).await {
                Ok(_) => once = WarnOnce::default(),
                Err(error) => once.warn(&format_args!("not announced: {error}")),
            }
        }
        Ok(())
    }
}

impl<T> Announcer<T> {
    /// What this node announces in this second; `None` if it is another node's turn.
    fn line(&self, second: u64) -> Option<String> {
        let (members, node) = (self.cluster.members(), self.cluster.node());
        let members = members.borrow();
        let turn = usize::try_from(second).unwrap_or_default() % members.len().max(1);
        members.get(turn).filter(|member| member.node == *node)?;
        let leads = self.cluster.leader().borrow().own_term().is_some();
        Some(format!("{node}{}", if leads { "*" } else { "" }))
    }
}

/// Waits until the next second begins.
async fn next_second() {
    sleep(Duration::from_millis(1000 - milliseconds() % 1000)).await;
}
