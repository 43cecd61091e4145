//! What carries messages from hub to hub.

mod chosen;
mod memory;
mod nats;
mod terms;

use std::sync::Arc;

use bytes::Bytes;

pub use chosen::Chosen;
pub use memory::Memory;
pub use nats::{Nats, NatsTransport};

use crate::{Channel, Message, Ring};

/// Carries the messages of all channels between hubs, and numbers those of each channel upwards.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Publishes a message. Once it returns, every hub that reads the channel gets it, and its id is known.
    fn publish(&self, channel: &Channel, body: Bytes) -> impl Future<Output = Result<u64, Unavailable>> + Send;

    /// Opens the ring, and fills it with every message of the channel from then on, until it is dropped.
    fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) -> impl Future<Output = ()> + Send;

    /// The messages of the channel with ids above `after`, up to and with `last`; `None` if some of them are gone.
    fn between(
        &self,
        channel: &Channel,
        after: u64,
        last: u64,
    ) -> impl Future<Output = Result<Option<Vec<Arc<Message>>>, Unavailable>> + Send;
}

/// Why a message of a term of leadership was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPublished {
    /// The transport is away at the moment.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Readers may have had a message of a later term.
    #[error("another node leads in a later term")]
    Outdated,
}

/// The transport is away at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("messages can't be exchanged at the moment: the broker is away; try again")]
pub struct Unavailable;
