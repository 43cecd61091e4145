//! Where the broker is.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;

/// The address of a NATS server, `nats://localhost:4222`, or of several of one cluster with commas between them, of which
/// any will do. Printing it shows no password.
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
    /// The whole URL, with the user and password that printing it hides.
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
