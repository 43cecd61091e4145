//! What the cluster stores at the server.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::kv::{Config, Store};
use async_nats::jetstream::stream::StorageType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::{Bus, Name};
use serde::{Deserialize, Serialize};
use service::Error;

use crate::epoch::Epoch;
use crate::machine::Member;
use crate::node::Node;

/// The key of the entry of the leader.
pub(super) const LEADER: &str = "leader";

/// The key of the number of the newest term.
pub(super) const TERM: &str = "term";

/// How long the server keeps the marker of an entry that has expired: the shortest time it allows.
const MARKER_LIFETIME: Duration = Duration::from_secs(1);

/// The buckets of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    /// An entry for each node that is alive, and one for the leader; they expire after a lease.
    pub(super) alive: Store,
    /// The number of the newest term.
    pub(super) terms: Store,
}

/// The entry of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) node: Node,
    /// Which of its lives this is.
    pub(super) incarnation: u64,
    /// In the entry of the leader, the epoch of its term, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<Epoch>,
}

impl Entry {
    pub(super) fn of(member: &Member, epoch: Option<Epoch>) -> Self {
        Self { node: member.node.clone(), incarnation: member.incarnation, epoch }
    }

    pub(super) fn member(&self) -> Member {
        Member { node: self.node.clone(), incarnation: self.incarnation }
    }

    /// The entry with this value; `None` if it is not one of ours.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }

    pub(super) fn bytes(&self) -> bytes::Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The key of a node's entry. A key has no colon, so the name is encoded.
pub(super) fn key(node: &Node) -> String {
    format!("node.{}", URL_SAFE_NO_PAD.encode(node.as_str()))
}

/// The node whose entry has this key.
pub(super) fn node_of(key: &str) -> Option<Node> {
    let name = URL_SAFE_NO_PAD.decode(key.strip_prefix("node.")?).ok()?;
    String::from_utf8(name).ok()?.parse().ok()
}

/// Opens the buckets; creates those that do not exist.
///
/// # Errors
///
/// When the server does not answer, and when a bucket has another configuration.
pub(super) async fn open(bus: &Bus, cluster: &Name, lease: Duration) -> Result<Buckets, Error> {
    let alive = Config {
        bucket: format!("{cluster}-alive"),
        description: "the nodes of a cluster, and its leader".to_owned(),
        max_age: lease,
        limit_markers: Some(MARKER_LIFETIME),
        ..config()
    };
    let terms = Config {
        bucket: format!("{cluster}-terms"),
        description: "the number of a cluster's newest term".to_owned(),
        ..config()
    };
    Ok(Buckets { alive: opened(bus, alive).await?, terms: opened(bus, terms).await? })
}

fn config() -> Config {
    // In memory, a restarted server would have forgotten the number of the term.
    Config { history: 1, storage: StorageType::File, ..Config::default() }
}

async fn opened(bus: &Bus, config: Config) -> Result<Store, Error> {
    let bucket = config.bucket.clone();
    // To create what exists with this configuration is to open it.
    bus.jetstream().create_key_value(config).await.with_context(|| {
        format!("failed to open the bucket {bucket}; nodes of one cluster have the same cluster.lease_milliseconds")
    })
}
