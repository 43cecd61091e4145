//! The settings of a node.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::Section;
use service::settings::{Problem, parsed};

use crate::machine::Quorum;
use crate::node::{InvalidNode, Node};

/// The port of a node that is named without one.
const PORT: u16 = 4440;

/// How many nodes a cluster has if nothing says it.
const SIZE: usize = 3;

/// The section `[cluster]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// This node, as the others reach it: a host, or host:port
    #[serde(deserialize_with = "identity")]
    #[schemars(with = "String")]
    pub identity: Address,
    /// Where this node listens to the others; without it at its identity, or everywhere if that is a name (hub.bus = "mesh")
    #[schemars(with = "Option<String>")]
    pub bind: Option<SocketAddr>,
    /// Any node of the cluster, to join it: a host, or host:port (hub.bus = "mesh")
    #[serde(deserialize_with = "leader")]
    #[schemars(with = "String")]
    pub leader: Option<Address>,
    /// Nodes to join, separated by commas; it may name this one too (hub.bus = "mesh")
    #[serde(deserialize_with = "nodes")]
    #[schemars(with = "String")]
    pub nodes: Nodes,
    /// How many nodes the cluster has: 1 to 100; without it as many as `nodes` names, or 3 (hub.bus = "mesh")
    pub size: Option<u32>,
    /// Who elects a leader: majority, of the nodes that the cluster has; or none, whoever is left (hub.bus = "mesh")
    pub quorum: Quorum,
    /// How long a node is believed that says nothing, in milliseconds: 500 to 60000
    pub lease_milliseconds: u32,
    /// The file in which this node remembers whom it voted for, as it must; without it one in your data folder (hub.bus = "mesh")
    pub file: Option<PathBuf>,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            identity: "127.0.0.1".parse().expect("the address is valid"),
            bind: None,
            leader: None,
            nodes: Nodes::default(),
            size: None,
            quorum: Quorum::Majority,
            lease_milliseconds: 3000,
            file: None,
        }
    }
}

impl Section for ClusterSettings {
    const NAME: &'static str = "cluster";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] =
        &[("IDENTITY", "identity"), ("LEADER", "leader"), ("CLUSTER", "nodes")];

    fn check(&self) -> Vec<Problem> {
        let named = self.all().len();
        let checks = [
            ("size", self.size.is_none_or(|size| (1..=100).contains(&size)), "must be 1 to 100".to_owned()),
            (
                "size",
                self.size.is_none_or(|size| size as usize >= named),
                format!("must be at least {named}: so many nodes are named by identity, leader and nodes"),
            ),
            (
                "lease_milliseconds",
                (500..=60_000).contains(&self.lease_milliseconds),
                "must be 500 to 60000".to_owned(),
            ),
        ];
        let failed = checks.into_iter().filter(|(_, is_fine, _)| !is_fine);
        failed.map(|(key, _, problem)| Problem::new(key, problem)).collect()
    }
}

impl ClusterSettings {
    /// How long a node is believed that says nothing.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_milliseconds.into())
    }

    /// How many nodes the cluster has.
    pub(crate) fn size(&self) -> usize {
        match self.size {
            Some(size) => size as usize,
            None if self.nodes.0.is_empty() => SIZE,
            None => self.all().len(),
        }
    }

    /// Where this node listens to the others. Its name may be that of a proxy, so it listens everywhere without an address.
    pub(crate) fn bind(&self) -> SocketAddr {
        let named = self.identity.0.as_str();
        let port = named.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(PORT);
        self.bind.or_else(|| named.parse().ok()).unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], port)))
    }

    /// The nodes to join.
    pub(crate) fn seeds(&self) -> BTreeSet<Node> {
        let mut seeds = self.all();
        seeds.remove(&self.identity.0);
        seeds
    }

    /// All nodes that are named.
    fn all(&self) -> BTreeSet<Node> {
        let named = self.nodes.0.iter().chain(&self.leader).chain([&self.identity]);
        named.map(|address| address.0.clone()).collect()
    }
}

/// Where a node is: a host and a port; without a port it is 4440.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(Node);

impl Address {
    /// The node there.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// The host, if it is an IP address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.as_str().parse::<SocketAddr>().ok().map(|address| address.ip())
    }
}

impl FromStr for Address {
    type Err = InvalidNode;

    fn from_str(text: &str) -> Result<Self, InvalidNode> {
        let node = if text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) {
            format!("[{text}]:{PORT}").parse()
        } else if text.ends_with(']') || !text.contains(':') {
            format!("{text}:{PORT}").parse()
        } else {
            text.parse()
        };
        Ok(Self(node.map_err(|_: InvalidNode| InvalidNode::new(text))?))
    }
}

/// Some nodes, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes(Vec<Address>);

impl FromStr for Nodes {
    type Err = InvalidNode;

    fn from_str(text: &str) -> Result<Self, InvalidNode> {
        let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(named.map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|address| address.0.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

impl Serialize for Nodes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let identity = parsed(deserializer, "IDENTITY=127.0.0.1")?;
    identity.ok_or_else(|| serde::de::Error::custom("must be set: IDENTITY=127.0.0.1"))
}

fn leader<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    parsed(deserializer, "LEADER=127.0.0.1")
}

fn nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nodes, D::Error> {
    Ok(parsed(deserializer, "CLUSTER=127.0.0.1,127.0.0.2,127.0.0.3")?.unwrap_or_default())
}
