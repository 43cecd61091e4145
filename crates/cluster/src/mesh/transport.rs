//! The mesh as a transport of a hub.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hub::{Channel, Memory, Message, NotPublished, Ring, Transport, Unavailable};
use tokio::time::timeout;

use super::links::{Links, Passage};
use crate::epoch::Epoch;

/// How long a channel waits to be confirmed by the other nodes. One that does not answer by then is frozen, or cut off.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(1);

/// Carries the messages of hubs between the nodes of a cluster, at most once, and keeps none. Cloning it is cheap.
///
/// A message goes to the nodes where somebody reads its channel, and to no other. A message that is published while a node is not
/// connected does not reach it, and neither does one that its connection is too slow for. Messages that were published at one node
/// arrive in their order; those of different nodes arrive in any order, which may differ from node to node. Each node counts the
/// messages of a channel itself, so a reader that returns to another node learns that it may have missed some.
#[derive(Clone, Debug)]
pub struct Mesh {
    pub(crate) links: Links,
    pub(crate) memory: Memory,
}

impl Mesh {
    /// Publishes a message of a term, unless readers here have seen one of a later term.
    pub(crate) fn publish_in(&self, epoch: Epoch, channel: &Channel, body: Bytes) -> Result<u64, NotPublished> {
        if self.links.passage(epoch) == Passage::Outdated {
            return Err(NotPublished::Outdated);
        }
        self.links.publish(channel, Some(epoch), &body);
        Ok(self.memory.publish_in(Some(epoch.0), channel, body))
    }
}

impl Transport for Mesh {
    async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        self.links.publish(channel, None, &body);
        self.memory.publish(channel, body).await
    }

    async fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) {
        let confirmations = self.links.open(&channel);
        let _closes = Closes { links: self.links.clone(), channel: channel.clone() };
        let confirmed = async {
            for (mut confirmed, number) in confirmations {
                confirmed.wait_for(|newest| *newest >= number).await.ok(); // a lost connection confirms when it returns
            }
        };
        timeout(CONFIRMED_WITHIN, confirmed).await.ok();
        self.memory.fill(channel, ring).await;
    }

    async fn between(&self, _: &Channel, _: u64, _: u64) -> Result<Option<Vec<Arc<Message>>>, Unavailable> {
        Ok(None)
    }
}

/// Closes a channel when it is dropped.
struct Closes {
    links: Links,
    channel: Channel,
}

impl Drop for Closes {
    fn drop(&mut self) {
        self.links.close(&self.channel);
    }
}
