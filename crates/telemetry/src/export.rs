//! The export of spans to a collector.

use std::time::Duration;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service::{Error, Scope, Section, Service};
use tokio::task::spawn_blocking;

use crate::collector::Collector;
use crate::{Endpoint, TelemetrySettings, Tracer};

/// How long a service that stops waits for its last spans to be exported.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Starts the export of a service's spans if its [settings](TelemetrySettings) name a collector; otherwise nothing runs.
///
/// Call it first, so that the export stops last and sends the spans of all others. A collector that is absent or slow
/// slows nobody down: spans wait in a bounded queue on a thread of their own, and are dropped when it is full.
///
/// A variable of OpenTelemetry that asks for something that this program lacks, such as compression, is ignored with a
/// warning.
///
/// # Errors
///
/// [`Stopped`](service::Stopped).
pub async fn start<H>(scope: &Scope<H>, service: &str) -> Result<Tracer, Error> {
    let settings = scope.settings::<TelemetrySettings>()?.get();
    let Some(endpoint) = settings.endpoint.clone() else { return Ok(Tracer::default()) };
    let name = if settings.service_name.is_empty() { service } else { &settings.service_name };
    scope.start(TelemetrySettings::NAME, Export { endpoint, service: name.to_owned() }).await
}

struct Export {
    endpoint: Endpoint,
    service: String,
}

impl Service for Export {
    type Handle = Tracer;

    async fn run(self, scope: Scope<Tracer>) -> Result<(), Error> {
        let Self { endpoint, service } = self;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(&endpoint))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.traces())
            .build()
            .context("invalid OpenTelemetry settings")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name(service).build())
            .build();
        scope.ready(Tracer(Some(provider.tracer("ticketing"))));
        scope.stopping().await;
        // The call blocks its thread.
        if spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_WITHIN)).await?.is_err() {
            tracing::warn!("the collector did not accept the last spans within {FLUSH_WITHIN:?}");
        }
        Ok(())
    }
}
