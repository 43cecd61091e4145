//! A client with an EventSource.

use axum::body::Body;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use service::http::Open;

use super::client::{Ended, LiveClient, Sent};

/// nginx must not collect a stream before it passes it on (nginx documentation, `proxy_buffering`).
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// After how many milliseconds a client returns whose stream has ended; spread, so that not all return at once.
const RETRY: std::ops::RangeInclusive<u64> = 500..=5000;

pub(super) fn sse(client: LiveClient, open: Open) -> Response {
    // Without data it is no event, but it sets the id that the client returns with.
    let opening = format!("id: {}\n\n", client.position()).into();
    let streaming = Streaming { client, open, next: Some(Some(opening)) };
    let stream = stream::unfold(streaming, async |mut streaming| {
        let bytes = streaming.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), streaming))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (BUFFERING, "no")];
    (headers, Body::from_stream(stream)).into_response()
}

struct Streaming {
    client: LiveClient,
    /// The server waits for the stream while it is held.
    #[expect(dead_code, reason = "it counts while it is held")]
    open: Open,
    /// What is sent before all else, once; `None` when the stream has ended.
    next: Option<Option<Bytes>>,
}

impl Streaming {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.next.as_mut()?.take() {
            return Some(first);
        }
        match self.client.next().await {
            Sent::Events(events) => match &events[..] {
                [event] => Some(event.sse.clone()),
                events => {
                    let mut all = BytesMut::new();
                    events.iter().for_each(|event| all.extend_from_slice(&event.sse));
                    Some(all.freeze())
                }
            },
            Sent::KeepAlive => Some(Bytes::from_static(b":\n\n")),
            Sent::End(ended) => {
                self.next = None;
                Some(match ended {
                    Ended::Stop => format!("retry: {}\n\n", rand::random_range(RETRY)).into(),
                    Ended::SessionOver => Bytes::from_static(b"event: signed-out\ndata: {}\n\n"),
                })
            }
        }
    }
}
