//! The transport that a program's settings choose.

use std::sync::Arc;

use bytes::Bytes;

use super::{Memory, NatsTransport, Transport, Unavailable};
use crate::{Channel, Message, Ring};

/// One of the transports.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// Within this process.
    Memory(Memory),
    /// Over a NATS server.
    Nats(NatsTransport),
}

impl Transport for Chosen {
    async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        match self {
            Self::Memory(memory) => memory.publish(channel, body).await,
            Self::Nats(nats) => nats.publish(channel, body).await,
        }
    }

    async fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) {
        match self {
            Self::Memory(memory) => memory.fill(channel, ring).await,
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
            Self::Memory(memory) => memory.between(channel, after, last).await,
            Self::Nats(nats) => nats.between(channel, after, last).await,
        }
    }
}
