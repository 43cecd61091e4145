//! A stand-in of a service, which does what the services do over HTTP and will do.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use service::Error;
use service::http::Open;
use tokio::sync::mpsc;

/// Tells a test what has happened.
pub(super) type Told = mpsc::UnboundedSender<&'static str>;

/// The routes below `/api/things`.
pub(super) fn things(told: &Told) -> Router {
    let (streams, sockets, bodies) = (told.clone(), told.clone(), told.clone());
    Router::new()
        .route("/api/things", get(async || "all things"))
        .route("/api/things/headers", get(async |headers: HeaderMap| format!("{headers:?}")))
        .route("/api/things/echo", post(async |body: Body| Body::from_stream(body.into_data_stream())))
        .route("/api/things/events", get(async move |open: Open| events(open, AtEnd(streams, "the stream ended"))))
        .route(
            "/api/things/ws",
            get(async move |upgrade: WebSocketUpgrade, open: Open| {
                websocket(upgrade, open, AtEnd(sockets, "the socket ended"))
            }),
        )
        .route(
            "/api/things/complete",
            post(async move |body: Body| {
                let whole = body.collect().await.is_ok();
                bodies.send(if whole { "the request is complete" } else { "the request broke off" }).ok();
                "done"
            }),
        )
}

/// Tells it when it is dropped.
struct AtEnd(Told, &'static str);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.send(self.1).ok();
    }
}

/// An event, and then none until the server stops.
fn events(open: Open, end: AtEnd) -> Response {
    let events = stream::iter(["data: first\n\n"]).chain(stream::pending());
    let events = open.until_stopping(events).map(move |event| {
        let _held = &end;
        Ok::<_, Error>(Bytes::from(event))
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(events)).unwrap()
}

/// Sends back what it gets; says goodbye when the server stops.
fn websocket(upgrade: WebSocketUpgrade, open: Open, end: AtEnd) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let _held = end;
        while let Some(Some(Ok(message))) = open.stopping().or(socket.recv()).await {
            socket.send(message).await.ok();
        }
        if open.stopping().is_asked() {
            let goodbye = CloseFrame { code: 1001, reason: "".into() };
            socket.send(Message::Close(Some(goodbye))).await.ok();
        }
    })
}
