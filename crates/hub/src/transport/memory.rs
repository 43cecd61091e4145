//! One hub alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{Transport, Unavailable};
use crate::{Channel, Message, Ring};

/// Carries the messages of one process. It keeps none: what a reader can return to is what its hub keeps.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    rings: HashMap<Channel, Ring<Arc<Message>>>,
    last: u64,
}

impl Open {
    /// The next id. Ids begin with the time in microseconds, so that an id of an earlier process is below all of this one.
    fn next(&mut self) -> u64 {
        if self.last == 0 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.last = u64::try_from(now.as_micros()).unwrap_or_default();
        }
        self.last += 1;
        self.last
    }
}

impl Memory {
    /// Publishes a message, in the term of this epoch if there is one; its id.
    pub fn publish_in(&self, epoch: Option<u64>, channel: &Channel, body: Bytes) -> u64 {
        self.with(|open| {
            let id = open.next();
            if let Some(ring) = open.rings.get(channel) {
                ring.push(id, body.len(), Arc::new(Message::new(id, body, epoch)));
            }
            id
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Open) -> R) -> R {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for Memory {
    async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        Ok(self.publish_in(None, channel, body))
    }

    async fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) {
        let _closes = self.with(|open| {
            ring.open(open.next());
            open.rings.insert(channel.clone(), ring);
            Closes { transport: self.clone(), channel }
        });
        std::future::pending().await
    }

    async fn between(&self, _: &Channel, _: u64, _: u64) -> Result<Option<Vec<Arc<Message>>>, Unavailable> {
        Ok(None)
    }
}

/// Closes a channel when it is dropped.
struct Closes {
    transport: Memory,
    channel: Channel,
}

impl Drop for Closes {
    fn drop(&mut self) {
        self.transport.with(|open| open.rings.remove(&self.channel));
    }
}
