//! The address of a collector.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use schemars::JsonSchema;
use serde::Serialize;

/// The address of an OTLP collector: `http://localhost:4318`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Endpoint(String);

/// A text that is not an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of an OTLP collector: it looks like http://localhost:4318, HTTP without TLS and without a login, port 4318 and not the 4317 of gRPC; OTEL_EXPORTER_OTLP_HEADERS sets a login"
)]
pub struct InvalidEndpoint;

impl Endpoint {
    /// The URL that spans are posted to.
    pub(crate) fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        // A login in the address would be shown, and never sent.
        let has_login = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let is_http = uri.scheme_str() == Some("http") && uri.host().is_some();
        let is_valid = is_http && !has_login && uri.query().is_none();
        if is_valid { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(InvalidEndpoint) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
