//! The monitoring pages of NATS Streaming, for this bus.
//!
//! The fields and their names are those of nats-streaming-server 0.25 (`server/monitor.go`). That server counted from its
//! start; these pages count from the creation of the stream, which is what JetStream keeps.

mod page;
mod snapshot;
mod streaming;
mod tally;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bus::Bus;
use serde_json::{Value, json};
use service::Error;
use tokio::sync::watch;

pub use self::tally::{Bytes, Tally};

use self::snapshot::Snapshot;
use self::streaming::Parameters;

#[derive(Clone)]
struct Monitor {
    bus: Bus,
    bytes: watch::Receiver<Bytes>,
}

/// `/streaming/serverz`, `storez`, `clientsz`, `channelsz`, and `/` for people.
pub fn router(bus: Bus, bytes: watch::Receiver<Bytes>) -> Router {
    let monitor = Monitor { bus, bytes };
    Router::new()
        .route("/", get(overview))
        .route("/streaming", get(overview))
        .route("/streaming/serverz", get(async |State(monitor): State<Monitor>| monitor.show(Snapshot::serverz).await))
        .route("/streaming/storez", get(async |State(monitor): State<Monitor>| monitor.show(Snapshot::storez).await))
        .route(
            "/streaming/clientsz",
            get(async |State(monitor): State<Monitor>, Query(parameters): Query<Parameters>| {
                monitor.show(|snapshot| snapshot.clientsz(&parameters)).await
            }),
        )
        .route(
            "/streaming/channelsz",
            get(async |State(monitor): State<Monitor>, Query(parameters): Query<Parameters>| {
                monitor.show(|snapshot| snapshot.channelsz(&parameters)).await
            }),
        )
        .with_state(monitor)
}

impl Monitor {
    async fn snapshot(&self) -> Result<Snapshot, Error> {
        let bytes = self.bytes.borrow().clone();
        Snapshot::take(&self.bus, &bytes).await
    }

    /// A page, or 404 if it is about a client or channel that does not exist.
    async fn show<V: Into<Option<Value>>>(&self, page: impl FnOnce(&Snapshot) -> V) -> Response {
        match self.snapshot().await.map(|snapshot| page(&snapshot).into()) {
            Ok(Some(page)) => line(StatusCode::OK, &page),
            Ok(None) => line(StatusCode::NOT_FOUND, &json!({ "error": "not found" })),
            Err(error) => unavailable(&error),
        }
    }
}

async fn overview(State(monitor): State<Monitor>) -> Response {
    match monitor.snapshot().await {
        Ok(snapshot) => Html(page::overview(&snapshot)).into_response(),
        Err(error) => unavailable(&error),
    }
}

/// The answer while the broker is away.
fn unavailable(error: &Error) -> Response {
    let text = format!("the broker does not answer: {error:#}");
    line(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": text }))
}

/// A page of JSON, with a line end, since people fetch it in a terminal.
fn line(status: StatusCode, page: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], format!("{page}\n")).into_response()
}
