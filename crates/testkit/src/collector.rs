//! A collector of spans.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use service::http::Http;
use service::{Running, launch};

/// An OTLP receiver on a free port, which keeps what it is sent.
#[derive(Debug)]
pub struct Collector {
    running: Running<SocketAddr>,
    address: SocketAddr,
    received: Received,
}

type Received = Arc<Mutex<Vec<Span>>>;

/// A span as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The `service.name` of its resource.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace it belongs to, in hexadecimal digits.
    pub trace_id: String,
    /// Its own id, the same.
    pub id: String,
    /// Its parent's id, the same; empty when it has none.
    pub parent: String,
    /// What it is, in the order of the protocol: 2 a server's, 4 a producer's, 5 a consumer's.
    pub kind: i32,
    /// Whether its status is an error.
    pub failed: bool,
    /// Its attributes, as texts.
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let received = Received::default();
        let keep = Arc::clone(&received);
        let receive = async move |body: Bytes| {
            let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
            keep.lock().unwrap().extend(spans_of(request));
            StatusCode::OK
        };
        let router = Router::new().route("/v1/traces", post(receive));
        let http = Http { bind: (Ipv4Addr::LOCALHOST, 0).into(), router, drain_delay: Duration::ZERO };
        let mut running = launch("collector", http).start();
        let address = running.ready().await.unwrap();
        Self { running, address, received }
    }

    /// The endpoint to give to a service.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans of a trace so far.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        self.received.lock().unwrap().iter().filter(|span| span.trace_id == id).cloned().collect()
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}

impl Span {
    /// The tree below a parent, one line a span, each with its service; siblings in the order of the alphabet.
    ///
    /// # Panics
    ///
    /// When it is not one tree of all these spans: an id occurs twice, or somebody's parent is not there.
    pub fn tree(spans: &[Self], root: &str) -> String {
        let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
        assert_eq!(ids.len(), spans.len(), "an id occurs twice: {spans:#?}");
        let mut tree = String::new();
        Self::branches(spans, root, 0, &mut tree);
        assert_eq!(tree.lines().count(), spans.len(), "a parent is not there:\n{tree}{spans:#?}");
        tree
    }

    fn branches(spans: &[Self], parent: &str, depth: usize, tree: &mut String) {
        let mut children: Vec<_> = spans.iter().filter(|span| span.parent == parent).collect();
        children.sort_by_key(|span| (&span.name, &span.service));
        for span in children {
            writeln!(tree, "{}{} ({})", "  ".repeat(depth), span.name, span.service).unwrap();
            Self::branches(spans, &span.id, depth + 1, tree);
        }
    }
}

fn spans_of(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let mut resource = texts(of_resource.resource.unwrap_or_default().attributes);
        let service = resource.remove("service.name").unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: service.clone(),
                name: span.name,
                trace_id: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                kind: span.kind,
                failed: span.status.is_some_and(|status| status.code == 2),
                attributes: texts(span.attributes),
            });
        }
    }
    spans
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|KeyValue { key, value, .. }| (key, text(value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
