//! Connections that stay open: what every program has in common that streams to many clients.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, TryStream};
use service::http::{Lasting, Open};
use service::{Live, Section};
use tokio::time::{sleep, timeout};

use crate::Limits;

/// How much a client is sent at once: 256 items, or 64 KiB.
pub const AT_ONCE: Limits = Limits { items: 256, bytes: 64 * 1024 };

/// The read buffer of a WebSocket, in bytes. What a client sends is ignored; the library's default is 128 KiB for each
/// connection.
pub const READ_BUFFER: usize = 1024;

/// How many pings a client of a WebSocket may leave unanswered.
pub const UNANSWERED: u32 = 2;

/// When an `EventSource` may return after the end of its stream, in milliseconds; spread, so that not all return at once.
const RETRY: RangeInclusive<u64> = 500..=5000;

/// How long a client may take to answer the end of a WebSocket.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// nginx must not collect a stream before it passes it on (nginx documentation, `proxy_buffering`).
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An answer that is streamed: no proxy stores or buffers it.
pub fn streamed<S>(content_type: &str, stream: S) -> Response
where
    S: TryStream<Ok = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (BUFFERING, "no")];
    (headers, Extension(Lasting), Body::from_stream(stream)).into_response()
}

/// The pieces as one, so that they are written in one go.
pub fn joined(mut pieces: impl Iterator<Item = Bytes>) -> Bytes {
    let first = pieces.next().unwrap_or_default();
    let Some(second) = pieces.next() else { return first };
    let mut all = [first, second].concat();
    pieces.for_each(|piece| all.extend_from_slice(&piece));
    all.into()
}

/// Waits until the connection must end: some time after the server was asked to stop, spread at random over what
/// `milliseconds` reads from the settings, so that not all clients return at once.
pub fn end<T: Section>(open: &Open, settings: Live<T>, milliseconds: fn(&T) -> u32) -> BoxFuture<'static, ()> {
    let stopping = open.stopping().clone();
    Box::pin(async move {
        stopping.asked().await;
        let share = rand::random_range(0..=milliseconds(&settings.get()));
        sleep(Duration::from_millis(share.into())).await;
    })
}

/// After how many milliseconds an `EventSource` should return, 500 to 5000.
pub fn retry() -> u64 {
    rand::random_range(RETRY)
}

/// Sends the frames in one go.
///
/// # Errors
///
/// When the client is gone.
pub async fn send_all(socket: &mut WebSocket, frames: Vec<Message>) -> Result<(), axum::Error> {
    for frame in frames {
        socket.feed(frame).await?;
    }
    socket.flush().await
}

/// Closes a WebSocket with this code and reason, and waits up to a second for the client's answer.
pub async fn say_goodbye(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let goodbye = async {
        socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<_, axum::Error>(())
    };
    timeout(GOODBYE_WITHIN, goodbye).await.ok();
}
