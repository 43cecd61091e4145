//! Where the broker is.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;

/// The address of a NATS server: `nats://localhost:4222`. Printing it shows no password.
#[derive(Clone)]
pub struct ServerUrl(ServerAddr);

/// A text that is not a [`ServerUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a NATS server ({0}); it looks like nats://localhost:4222")]
pub struct InvalidUrl(String);

impl ServerUrl {
    /// The whole URL, with the user and password that printing it hides.
    pub fn as_str(&self) -> &str {
        self.0.as_url_str()
    }

    pub(super) fn address(&self) -> ServerAddr {
        self.0.clone()
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let address: ServerAddr = text.parse().map_err(|error: std::io::Error| {
            let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            InvalidUrl(source)
        })?;
        match address.scheme() {
            _ if address.host().is_empty() => Err(InvalidUrl("it has no host".to_owned())),
            "nats" | "tls" => Ok(Self(address)),
            other => Err(InvalidUrl(format!("its scheme is {other}, not nats or tls"))),
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.0.scheme(), self.0.host(), self.0.port())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
