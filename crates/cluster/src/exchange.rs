//! How the nodes exchange the messages of their hubs.

use std::sync::Arc;

use bytes::Bytes;
use hub::{Channel, Memory, Message, NatsTransport, NotPublished, Ring, Transport, Unavailable};

use crate::epoch::Epoch;
use crate::mesh::Mesh;

/// How the nodes of a cluster exchange messages. Cloning it is cheap.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// Not at all: the node is alone.
    Alone(Memory),
    /// From node to node.
    Mesh(Mesh),
    /// Over a NATS server.
    Nats(NatsTransport),
}

impl Exchange {
    /// Publishes a message in a term; its id.
    pub(crate) async fn publish_in(&self, epoch: Epoch, channel: &Channel, body: Bytes) -> Result<u64, NotPublished> {
        match self {
            Self::Alone(memory) => Ok(memory.publish_in(Some(epoch.0), channel, body)),
            Self::Mesh(mesh) => mesh.publish_in(epoch, channel, body),
            Self::Nats(nats) => nats.publish_in(epoch.0, channel, body).await,
        }
    }
}

impl Transport for Exchange {
    async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        match self {
            Self::Alone(memory) => memory.publish(channel, body).await,
            Self::Mesh(mesh) => mesh.publish(channel, body).await,
            Self::Nats(nats) => nats.publish(channel, body).await,
        }
    }

    async fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) {
        match self {
            Self::Alone(memory) => memory.fill(channel, ring).await,
            Self::Mesh(mesh) => mesh.fill(channel, ring).await,
            Self::Nats(nats) => nats.fill(channel, ring).await,
        }
    }

    async fn between(
        &self,
        channel: &Channel,
        after: u64,
        last: u64,
    ) -> Result<Option<Vec<Arc<Message>>>, Unavailable> {
        match self {
            Self::Alone(memory) => memory.between(channel, after, last).await,
            Self::Mesh(mesh) => mesh.between(channel, after, last).await,
            Self::Nats(nats) => nats.between(channel, after, last).await,
        }
    }
}
