//! The settings of the export, under the names that OpenTelemetry gives them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::Section;
use service::settings::{Problem, parsed};

use crate::collector::exporter;
use crate::endpoint::Endpoint;

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

    fn check(&self) -> Vec<Problem> {
        // The other variables of OpenTelemetry are read by its library, when there is an endpoint.
        let refused = self.endpoint.as_ref().and_then(|endpoint| exporter(endpoint).err());
        refused.map(|error| Problem::new("endpoint", format!("{error:#}"))).into_iter().collect()
    }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Endpoint>, D::Error> {
    parsed(deserializer, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318")
}
