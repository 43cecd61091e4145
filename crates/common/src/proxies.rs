//! The proxies in front of a program, and which of them are believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service::settings::parsed;
use thiserror::Error;

const EXAMPLE: &str = "HTTP__TRUSTED_PROXIES=10.0.0.0/8,fd00::/8";

/// The addresses of the proxies that are believed what they say about a request: `10.0.0.0/8,192.168.1.1,fd00::/8`.
///
/// The default is this machine itself: `127.0.0.0/8,::1/128`. Without any, nobody is believed. Cloning it is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Why a text is not a list of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidProxies {
    /// A part of it is something else.
    #[error("{0:?} is neither an address nor a range of addresses")]
    NotARange(String),
    /// A range does not begin at its first address, so one of the two numbers is wrong.
    #[error("{0} is no range: it would begin with {1}")]
    BeginsElsewhere(IpNet, IpNet),
}

impl TrustedProxies {
    /// Whether the program at this address is one of them. An IPv4 address within IPv6 counts as IPv4.
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

impl Default for TrustedProxies {
    fn default() -> Self {
        let loopback = IpNet::new(Ipv4Addr::LOCALHOST.into(), 8).expect("a range").trunc();
        Self(Arc::new([loopback, IpAddr::V6(Ipv6Addr::LOCALHOST).into()]))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(range).collect::<Result<_, _>>().map(Self)
    }
}

fn range(text: &str) -> Result<IpNet, InvalidProxies> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let range: IpNet = text.parse().map_err(|_| InvalidProxies::NotARange(text.to_owned()))?;
    if range == range.trunc() { Ok(range) } else { Err(InvalidProxies::BeginsElsewhere(range, range.trunc())) }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

impl Serialize for TrustedProxies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(parsed(deserializer, EXAMPLE)?.unwrap_or_else(|| Self(Arc::default())))
    }
}
