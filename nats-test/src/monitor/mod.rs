//! The monitoring pages of NATS Streaming, for this bus.
//!
//! The fields and their names are those of nats-streaming-server 0.25 (`server/monitor.go`). What it counted since its
//! start is counted here since the stream was made, since that is what JetStream remembers.

mod page;
mod snapshot;
mod streaming;
mod tally;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bus::Bus;
use serde_json::{Value, json};
use service::Error;
use tokio::sync::watch;

pub use self::tally::{Bytes, Tally};

use self::snapshot::Snapshot;
use self::streaming::Asked;

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
            get(async |State(monitor): State<Monitor>, Query(asked): Query<Asked>| {
                monitor.show(|snapshot| snapshot.clientsz(&asked)).await
            }),
        )
        .route(
            "/streaming/channelsz",
            get(async |State(monitor): State<Monitor>, Query(asked): Query<Asked>| {
                monitor.show(|snapshot| snapshot.channelsz(&asked)).await
            }),
        )
        .with_state(monitor)
}

impl Monitor {
    async fn snapshot(&self) -> Result<Snapshot, Error> {
        let bytes = self.bytes.borrow().clone();
        Snapshot::take(&self.bus, bytes).await
    }

    /// A page of what is, or 404 when it is about something that is not.
    async fn show<V: Into<Option<Value>>>(&self, page: impl FnOnce(&Snapshot) -> V) -> Response {
        match self.snapshot().await.map(|snapshot| page(&snapshot).into()) {
            Ok(Some(page)) => Json(page).into_response(),
            Ok(None) => (StatusCode::NOT_FOUND, Json(json!({ "error": "there is none of this name" }))).into_response(),
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

/// The broker does not answer; it will again.
fn unavailable(error: &Error) -> Response {
    let text = format!("the broker does not answer: {error:#}");
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": text }))).into_response()
}
