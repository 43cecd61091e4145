//! Where the API of the provider is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use service::settings::text;

/// The origin of the API, as `https://api.stripe.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderUrl {
    scheme: Scheme,
    authority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A text that is not a [`ProviderUrl`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("must be an origin, as https://api.stripe.com or http://127.0.0.1:12111, without login, path and query")]
pub struct InvalidUrl;

impl ProviderUrl {
    /// Stripe itself.
    pub fn stripe() -> Self {
        Self { scheme: Scheme::Https, authority: "api.stripe.com".to_owned() }
    }

    /// Whether what is sent there crosses a network without encryption.
    pub fn is_exposed(&self) -> bool {
        self.scheme == Scheme::Http && !self.is_local()
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        let host = self.host();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    fn host(&self) -> String {
        let uri: Option<Uri> = self.to_string().parse().ok();
        uri.as_ref().and_then(Uri::host).unwrap_or_default().to_owned()
    }

    /// The scheme and the host, without the port: it stays the same when a bank listens on another port.
    pub(super) fn place(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.host())
    }

    /// The address of a path with its query, as `/v1/refunds?limit=100`.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl FromStr for ProviderUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.trim().parse().map_err(|_| InvalidUrl)?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(InvalidUrl),
        };
        let authority = uri.authority().ok_or(InvalidUrl)?;
        let has_more = uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@');
        if has_more || authority.host().is_empty() {
            return Err(InvalidUrl);
        }
        Ok(Self { scheme, authority: authority.as_str().to_ascii_lowercase() })
    }
}

impl fmt::Display for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

impl Serialize for ProviderUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProviderUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::ProviderUrl;

    #[test]
    fn an_origin_is_taken_and_anything_else_is_refused() {
        for (text, shown) in [
            ("https://api.stripe.com", "https://api.stripe.com"),
            ("https://api.stripe.com/", "https://api.stripe.com"),
            (" http://127.0.0.1:12111\n", "http://127.0.0.1:12111"),
            ("HTTP://Bank-Srv:12111", "http://bank-srv:12111"),
            ("http://[::1]:12111", "http://[::1]:12111"),
        ] {
            assert_eq!(text.parse::<ProviderUrl>().unwrap().to_string(), shown);
        }
        assert_eq!("http://[::1]:12111".parse::<ProviderUrl>().unwrap().place(), "http://[::1]");
        for text in
            ["", "api.stripe.com", "ftp://a", "https://", "https://a/v1", "https://k@a", "https://a?b", "http://"]
        {
            assert!(text.parse::<ProviderUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_http_to_another_machine_is_exposed() {
        let is_exposed = |text: &str| text.parse::<ProviderUrl>().unwrap().is_exposed();
        for text in
            ["https://api.stripe.com", "http://localhost:1", "http://127.0.0.1:1", "http://127.8.0.1", "http://[::1]:1"]
        {
            assert!(!is_exposed(text), "{text}");
        }
        for text in ["http://bank-srv:12111", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://[fe80::1]:1"] {
            assert!(is_exposed(text), "{text}");
        }
    }
}
