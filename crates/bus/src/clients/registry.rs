//! The bucket that the client ids are stored in.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Operation, Store};
use async_nats::jetstream::stream::StorageType;
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

/// Opens the registry; creates it if it does not exist.
pub(super) async fn open(bus: &Bus) -> Result<Store, Error> {
    let bucket = bucket(bus.cluster_id());
    let existing = streams::config_of(bus, &stream(&bucket)).await?;
    let config = kv::Config {
        bucket,
        num_replicas: streams::replicas(bus, existing.as_ref()),
        description: "the client ids in use".to_owned(),
        history: 1,
        storage: StorageType::File, // in memory, a restarted server would have forgotten who is alive
        limit_markers: Some(MARKER_LIFETIME),
        ..kv::Config::default()
    };
    let opened = bus.jetstream().create_or_update_key_value(config).await;
    opened.map_err(|error| Error::request("open the registry of client ids", error))
}

/// The registered clients, also those that were killed less than [a lease](crate::Heartbeat::forgotten_after) ago.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn clients(bus: &Bus) -> Result<Vec<Client>, Error> {
    let bucket = bucket(bus.cluster_id());
    if streams::config_of(bus, &stream(&bucket)).await?.is_none() {
        return Ok(Vec::new()); // no client has ever registered
    }
    read(bus, bucket).await.map_err(|error| Error::request("read the registry of client ids", error))
}

async fn read(bus: &Bus, bucket: String) -> Result<Vec<Client>, async_nats::Error> {
    let store: Store = bus.jetstream().get_key_value(bucket).await?;
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
