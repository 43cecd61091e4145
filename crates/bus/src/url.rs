//! The address of the broker.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;
use serde::{Serialize, Serializer};

/// The address of a NATS server, `nats://localhost:4222`, or of several servers of one cluster, separated by commas.
///
/// Any of the servers may be connected to. The address is printed, and shown among the settings, without user and password.
#[derive(Clone)]
pub struct ServerUrl {
    whole: String,
    servers: Vec<ServerAddr>,
}

/// A text that is not a [`ServerUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a NATS server ({0}); it looks like nats://localhost:4222")]
pub struct InvalidUrl(String);

impl ServerUrl {
    /// The whole URL, with user and password.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    pub(crate) fn servers(&self) -> &[ServerAddr] {
        &self.servers
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let servers = text.split(',').map(server).collect::<Result<_, _>>()?;
        Ok(Self { whole: text.to_owned(), servers })
    }
}

fn server(text: &str) -> Result<ServerAddr, InvalidUrl> {
    let address: ServerAddr = text.parse().map_err(|error: std::io::Error| {
        let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        InvalidUrl(source)
    })?;
    match address.scheme() {
        _ if address.host().is_empty() => Err(InvalidUrl("it has no host".to_owned())),
        "nats" | "tls" => Ok(address),
        other => Err(InvalidUrl(format!("its scheme is {other}, not nats or tls"))),
    }
}

impl PartialEq for ServerUrl {
    /// Compares the whole URLs: a changed password is a change.
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for ServerUrl {}

impl Serialize for ServerUrl {
    /// As it is printed: without user and password.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, server) in self.servers.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}://{}:{}", server.scheme(), server.host(), server.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
