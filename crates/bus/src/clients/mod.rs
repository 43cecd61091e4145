//! The registry of the client ids in use, as others may read it.

mod registration;

use async_nats::jetstream::kv::{Operation, Store};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use service::Error;

use crate::{Bus, Name, streams};

pub use registration::{AlreadyRegistered, Displaced, Heartbeat, Registration};

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// What it said about itself.
    pub entry: Entry,
}

/// The value of a client id in the registry, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The subject on which the client answers that it lives.
    pub inbox: String,
    /// What it listens to.
    pub listening: Vec<Listening>,
}

/// One subscription of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The subject listened to; nothing for all of the stream.
    pub subject: Option<String>,
    /// The stream it stands in.
    pub stream: String,
    /// The consumer behind it.
    pub consumer: String,
    /// Where its messages are delivered.
    pub inbox: String,
    /// The queue group it is a member of.
    pub queue_group: Option<String>,
    /// The name under which its position is kept.
    pub durable: Option<String>,
    /// How many messages may be without an answer.
    pub max_in_flight: u32,
    /// How long a message may be without an answer, in milliseconds.
    pub ack_wait_ms: u64,
}

pub(crate) fn bucket(cluster_id: &Name) -> String {
    format!("{cluster_id}-clients")
}

/// The stream behind a bucket, as the server names it.
pub(crate) fn stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// The clients that are registered now, with those killed less than a heartbeat limit ago.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn clients(bus: &Bus) -> Result<Vec<Client>, Error> {
    let stream = stream(&bucket(bus.cluster_id()));
    match bus.jetstream().get_stream(&stream).await {
        Err(error) if streams::is_not_found(&error) => return Ok(Vec::new()), // no client has ever registered
        found => drop(found?),
    }
    let store: Store = bus.jetstream().get_key_value(bucket(bus.cluster_id())).await?;
    let mut ids: Vec<String> = store.keys().await?.try_collect().await?;
    ids.sort_unstable();
    let mut clients = Vec::new();
    for id in ids {
        // It may have left since its key was listed.
        if let Some(found) = store.entry(id.as_str()).await?.filter(|found| found.operation == Operation::Put) {
            clients.push(Client { id, entry: serde_json::from_slice(&found.value).unwrap_or_default() });
        }
    }
    Ok(clients)
}

/// A subscription that stands in this client's entry until it is dropped.
#[derive(Debug)]
pub(crate) struct Listed {
    bus: Bus,
    inbox: String,
}

impl Listed {
    pub(crate) fn new(bus: &Bus, listening: Listening) -> Self {
        let listed = Self { bus: bus.clone(), inbox: listening.inbox.clone() };
        bus.listening().send_modify(|all| all.push(listening));
        listed
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.bus.listening().send_modify(|all| all.retain(|listening| listening.inbox != self.inbox));
    }
}
