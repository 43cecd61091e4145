//! The bucket that the client ids are stored in.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Operation, Store};
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::TryStreamExt;

use super::Client;
use crate::{Bus, Error, Name, streams};

/// How long the server keeps the marker of a deleted entry: the shortest time it allows.
pub(super) const MARKER_LIFETIME: Duration = Duration::from_secs(1);

fn bucket(cluster_id: &Name) -> String {
    format!("{cluster_id}-clients")
}

/// The name that the server gives to the stream behind a bucket.
fn stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// Opens the registry; creates it if it does not exist. An existing one is changed only if something that we need is missing.
pub(super) async fn open(bus: &Bus) -> Result<Store, Error> {
    let bucket = bucket(bus.cluster_id());
    let existing = streams::config_of(bus, &stream(&bucket)).await?;
    let replicas = streams::replicas(bus, existing.as_ref());
    let is_as_needed = |found: &Config| found.allow_message_ttl && found.num_replicas == replicas;
    if existing.as_ref().is_some_and(is_as_needed) {
        let opened = bus.jetstream().get_key_value(bucket).await;
        return opened.map_err(|error| Error::request("open the registry of client ids", error));
    }
    let config = kv::Config {
        bucket,
        num_replicas: replicas,
        description: "the client ids in use".to_owned(),
        history: 1,
        storage: StorageType::File, // in memory, a restarted server would have forgotten who is alive
        limit_markers: Some(MARKER_LIFETIME),
        ..kv::Config::default()
    };
    let opened = bus.jetstream().create_or_update_key_value(config).await;
    opened.map_err(|error| Error::request("open the registry of client ids", error))
}

/// What the registry contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The registered clients, ordered by id, also those that were killed less than
    /// [a lease](crate::Heartbeat::forgotten_after) ago.
    pub clients: Vec<Client>,
    /// The keys of the entries that can't be read, which no program of ours has written.
    pub unreadable: Vec<String>,
}

/// Reads the registry.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn clients(bus: &Bus) -> Result<Registered, Error> {
    let bucket = bucket(bus.cluster_id());
    if streams::config_of(bus, &stream(&bucket)).await?.is_none() {
        return Ok(Registered::default()); // no client has ever registered
    }
    read(bus, bucket).await.map_err(|error| Error::request("read the registry of client ids", error))
}

async fn read(bus: &Bus, bucket: String) -> Result<Registered, async_nats::Error> {
    let store: Store = bus.jetstream().get_key_value(bucket).await?;
    let mut ids: Vec<String> = store.keys().await?.try_collect().await?;
    ids.sort_unstable();
    let mut registered = Registered::default();
    for id in ids {
        let found = match id.parse::<Name>() {
            Ok(_) => store.entry(id.as_str()).await?,
            Err(_) => {
                registered.unreadable.push(id);
                continue;
            }
        };
        // It may have left since its key was listed.
        let Some(found) = found.filter(|found| found.operation == Operation::Put) else { continue };
        match serde_json::from_slice(&found.value) {
            Ok(entry) => registered.clients.push(Client { id, entry }),
            Err(_) => registered.unreadable.push(id),
        }
    }
    Ok(registered)
}
