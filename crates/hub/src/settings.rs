//! The settings of a hub.

use std::net::SocketAddr;
use std::time::Duration;

use bus::{Name, ServerUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::Section;
use service::settings::{Problem, parsed};

/// The section `[hub]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HubSettings {
    /// The address that the channels are served on
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// What carries the messages: memory, within this process; nats, between all hubs of one name at a NATS server; or mesh,
    /// between the nodes of a cluster, in programs that are one
    pub bus: Transports,
    /// The NATS server, as nats://host:port, for bus = "nats"; shown without user and password
    #[serde(deserialize_with = "url")]
    #[schemars(with = "String")]
    pub nats_url: Option<ServerUrl>,
    /// The name of the hub at the NATS server, which all hubs have that exchange messages
    #[serde(deserialize_with = "name")]
    #[schemars(with = "String")]
    pub name: Name,
    /// Seconds between two signs of life on a stream or WebSocket: 1 to 3600
    pub keep_alive_seconds: u32,
    /// The longest message, in bytes: 1 to 524288
    pub max_body: u32,
    /// How many streams and WebSockets may be open: at least 1
    pub max_readers: u32,
    /// How many channels may be open: at least 1
    pub max_channels: u32,
    /// How many messages an open channel keeps for readers that are slow or return: at least 1
    pub kept_messages: u32,
    /// How many bytes of messages an open channel keeps
    pub kept_bytes: u32,
    /// How long a channel stays open without a reader, in seconds
    pub kept_seconds: u32,
    /// Over how many milliseconds the ends of streams and WebSockets are spread when the program stops
    pub drain_milliseconds: u32,
}

/// What carries the messages of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transports {
    /// Within this process.
    Memory,
    /// Between the nodes of a cluster, which need nobody else.
    Mesh,
    /// Over a NATS server.
    Nats,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8088)),
            bus: Transports::Memory,
            nats_url: None,
            name: "hub".parse().expect("the name is valid"),
            keep_alive_seconds: 5,
            max_body: 64 * 1024,
            max_readers: 10_000,
            max_channels: 10_000,
            kept_messages: 4096,
            kept_bytes: 4 * 1024 * 1024,
            kept_seconds: 60,
            drain_milliseconds: 500,
        }
    }
}

impl Section for HubSettings {
    const NAME: &'static str = "hub";
    const LIVE: &'static [&'static str] = &[
        "keep_alive_seconds",
        "max_body",
        "max_readers",
        "max_channels",
        "kept_messages",
        "kept_bytes",
        "kept_seconds",
        "drain_milliseconds",
    ];

    fn check(&self) -> Vec<Problem> {
        let needs_url = self.bus == Transports::Nats && self.nats_url.is_none();
        let checks = [
            ("nats_url", !needs_url, "must be set for bus = \"nats\": HUB__NATS_URL=nats://localhost:4222"),
            ("keep_alive_seconds", (1..=3600).contains(&self.keep_alive_seconds), "must be 1 to 3600"),
            ("max_body", (1..=512 * 1024).contains(&self.max_body), "must be 1 to 524288"),
            ("max_readers", self.max_readers > 0, "must be at least 1"),
            ("max_channels", self.max_channels > 0, "must be at least 1"),
            ("kept_messages", self.kept_messages > 0, "must be at least 1"),
        ];
        let failed = checks.into_iter().filter(|(_, is_fine, _)| !is_fine);
        failed.map(|(key, _, problem)| Problem::new(key, problem)).collect()
    }
}

impl HubSettings {
    /// What is wrong with the settings in a program that is not a node of a cluster.
    pub fn outside_a_cluster(&self) -> Vec<Problem> {
        let problem = "mesh is for the nodes of a cluster, and this program is none: run number-gateway, or use nats";
        let is_mesh = self.bus == Transports::Mesh;
        is_mesh.then(|| Problem::new("bus", problem)).into_iter().collect()
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds.into())
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ServerUrl>, D::Error> {
    parsed(deserializer, "HUB__NATS_URL=nats://localhost:4222")
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    let name: Option<Name> = parsed(deserializer, "HUB__NAME=hub")?;
    name.ok_or_else(|| serde::de::Error::custom("must be set: HUB__NAME=hub"))
}
