//! The settings of the export, under the names that OpenTelemetry gives them.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::Section;
use service::settings::parsed;

/// The section `[telemetry]`. The variables are those of the
/// [specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The OTLP collector that spans are sent to, as `http://host:4318`; without it, none are sent. Headers that the
    /// collector asks for are set by the variable `OTEL_EXPORTER_OTLP_HEADERS` only
    #[serde(deserialize_with = "endpoint")]
    pub endpoint: Option<Endpoint>,
    /// The name of the service at the collector, by default the name of its program
    pub service_name: String,
}

impl Section for TelemetrySettings {
    const NAME: &'static str = "telemetry";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] =
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "endpoint"), ("OTEL_SERVICE_NAME", "service_name")];
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Endpoint>, D::Error> {
    parsed(deserializer, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318")
}

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
