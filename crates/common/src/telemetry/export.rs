//! Sending spans to a collector.

use std::time::Duration;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service::{Error, Scope, Section, Service};
use tokio::task::spawn_blocking;

use super::collector::Collector;
use super::{Endpoint, TelemetrySettings, Tracer};

/// How long a service that stops waits for its last spans to be taken.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Begins to collect the spans of a service, when its [settings](TelemetrySettings) name a collector; without one,
/// nothing runs. Started first, it is undone last, and sends what all others have left.
///
/// A collector that is away or slow is nobody's trouble: spans wait in a queue of bounded length, on a thread of their
/// own, and what finds it full is dropped.
///
/// # Errors
///
/// When a variable of OpenTelemetry asks for what this program does not have: compression, say.
pub async fn start<H>(scope: &Scope<H>, service: &str) -> Result<Tracer, Error> {
    let settings = scope.settings::<TelemetrySettings>()?.get();
    let Some(endpoint) = settings.endpoint()? else { return Ok(Tracer::default()) };
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
            .context("the settings of OpenTelemetry")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name(service).build())
            .build();
        scope.ready(Tracer(Some(provider.tracer("ticketing"))));
        scope.stopping().await;
        // It blocks its thread.
        if spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_WITHIN)).await?.is_err() {
            tracing::warn!("the collector did not take the last spans within {FLUSH_WITHIN:?}");
        }
        Ok(())
    }
}
