//! The spans that a collector receives from the components of services.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use axum::routing::get;
use bus::{Bus, NatsSettings};
use common::errors::{ApiError, contract};
use events::{TicketCreated, TicketUpdated};
use service::http::Http;
use service::settings::{Refused, Sections, Settings, Sources};
use service::{Error, Running, Scope, Service, launch};
use telemetry::TelemetrySettings;
use testkit::{Api, Broker, Collector, Database, Span, stored, until};

use crate::listener::harness::{Seller, listen, relay};
use crate::{open, outbox, ticket};

/// A service with a bus that sends spans.
struct Shop;

impl Service for Shop {
    type Handle = Bus;

    async fn run(self, scope: Scope<Bus>) -> Result<(), Error> {
        let tracer = telemetry::start(&scope, "shop").await?;
        scope.ready(bus::connect(&scope, tracer).await?);
        scope.stopping().await;
        Ok(())
    }
}

fn settings(endpoint: &str) -> Result<Settings, Refused> {
    let flags = vec![format!("telemetry.endpoint={endpoint}")];
    Settings::load(Sections::new().with::<TelemetrySettings>(), Sources { flags, ..Sources::default() })
}

async fn start(broker: &Broker, collector: &Collector) -> (Running<Bus>, Bus) {
    let sections = Sections::new().with::<NatsSettings>().with::<TelemetrySettings>();
    let environment = [
        ("NATS_URL", broker.url()),
        ("NATS_CLUSTER_ID", "ticketing"),
        ("NATS_CLIENT_ID", "shop-1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
    ];
    let mut running = launch("shop", Shop).settings(testkit::settings(sections, &environment)).start();
    let bus = running.ready().await.unwrap();
    (running, bus)
}

#[tokio::test]
async fn an_event_recorded_outside_of_a_trace_begins_one_and_each_attempt_is_a_step_of_it() {
    let (database, broker, collector) = (Database::new(), Broker::start().await, Collector::start().await);
    let (opened, (running, bus)) = (open(database.uri()).await, start(&broker, &collector).await);
    let store = &opened.store;
    let does = |before| if before < 1 { Err(anyhow!("not today").into()) } else { Ok(()) };
    let listener = listen(store, &bus, Seller { does, ..Seller::default() }).await.unwrap();
    let (outbox, sold) = (outbox(store), ticket("concert"));
    store.transaction(async move |tx| outbox.record(tx, &sold).await).await.unwrap();
    let relay = relay(store, &bus).await;
    until("published", || async { stored::<TicketUpdated>(&broker).await.len() == 1 }).await;
    listener.stop().await.result.unwrap();
    relay.stop().await.result.unwrap();
    running.stop().await.result.unwrap(); // which sends all spans

    let traceparent = stored::<TicketCreated>(&broker).await[0].traceparent.clone().unwrap();
    let spans = collector.trace(traceparent.split('-').nth(1).unwrap());
    let tree = "\
send ticket:created (shop)
  process ticket:created (shop)
  process ticket:created (shop)
    send ticket:updated (shop)
";
    assert_eq!(Span::tree(&spans, ""), tree);
    let failed: Vec<_> = spans.iter().filter(|span| span.failed).map(|span| span.name.as_str()).collect();
    assert_eq!(failed, ["process ticket:created"]);
    opened.close().await;
    collector.stop().await;
    broker.stop().await;
}

/// A service with an API that sends spans.
struct Site;

impl Service for Site {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let tracer = telemetry::start(&scope, "site").await?;
        let routes = Router::new()
            .route("/things/{id}", get(async || "a thing"))
            .route("/broken", get(async || Err::<(), _>(ApiError::Fault(anyhow!("a fault of ours")))));
        let router = contract(routes, tracer);
        let http = Http { bind: (Ipv4Addr::LOCALHOST, 0).into(), router, drain_delay: Duration::ZERO };
        scope.ready(scope.start("http", http).await?);
        scope.stopping().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_named_after_its_route_and_fails_when_the_fault_is_ours() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let collector = Collector::start().await;
    let mut running = launch("site", Site).settings(settings(&collector.endpoint()).unwrap()).start();
    let api = Api { address: running.ready().await.unwrap() };
    for (method, path) in [("GET", "/things/5"), ("BREW", "/things/5"), ("GET", "/Broken/"), ("GET", "/nowhere")] {
        let headers = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n");
        api.request(method, path, &headers, b"").await;
    }
    let unsampled = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-00\r\n");
    api.request("GET", "/things/unsampled", &unsampled, b"").await;
    running.stop().await.result.unwrap();

    let spans = collector.trace(TRACE);
    let tree = "\
GET (site)
GET /broken (site)
GET /things/{id} (site)
HTTP /things/{id} (site)
";
    assert_eq!(Span::tree(&spans, "b7ad6b7169203331"), tree);
    let failed: Vec<_> = spans.iter().filter(|span| span.failed).map(|span| span.name.as_str()).collect();
    assert_eq!(failed, ["GET /broken"]);
    collector.stop().await;
}

#[test]
fn an_invalid_collector_endpoint_is_refused_with_the_variable_to_set() {
    for endpoint in ["localhost:4318", "https://localhost:4318", "http://", "http://a b", "4318"] {
        let refused = settings(endpoint).unwrap_err().to_string();
        assert!(refused.contains("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"), "{refused}");
    }
    for endpoint in ["", "http://localhost:4318", "http://localhost:4318/", "http://127.0.0.1:4318/otlp"] {
        settings(endpoint).unwrap();
    }
}
