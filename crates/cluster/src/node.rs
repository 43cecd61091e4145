//! The names of nodes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name, in bytes: the longest host name of the domain name system, a colon, and a port.
const LONGEST: usize = 253 + 1 + 5;

/// The name of a node, which is the address at which the others reach it: a host and a port, as `127.0.0.2:4440` or
/// `gateway-0.gateway:4440`.
///
/// It stays the same when the node restarts. Nodes are sorted by it, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(Arc<str>);

/// A text that is not the name of a [`Node`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node is a host and a port, as 127.0.0.2:4440; this is {0:?}")]
pub struct InvalidNode(String);

impl InvalidNode {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(LONGEST).collect())
    }
}

impl Node {
    /// The host and the port.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Node {
    type Err = InvalidNode;

    fn from_str(text: &str) -> Result<Self, InvalidNode> {
        let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
        let is_port = |port: &str| port.parse().is_ok_and(|port: u16| port != 0);
        let parts = text.rsplit_once(':').filter(|(host, port)| is_host(host) && is_port(port));
        if parts.is_none() || text.len() > LONGEST {
            return Err(InvalidNode::new(text));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
