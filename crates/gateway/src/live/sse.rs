//! A client with an EventSource.

use std::convert::Infallible;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use hub::connections::{joined, retry, streamed};
use service::http::Open;

use super::client::{Ended, LiveClient, Sent};

pub(super) fn sse(client: LiveClient, open: Open) -> Response {
    // Without data it is no event, but it sets the id that the client returns with.
    let opening = Some(format!("id: {}\n\n", client.position()).into());
    let streaming = Streaming { client, open, opening, has_ended: false };
    let stream = stream::unfold(streaming, async |mut streaming| {
        let bytes = streaming.next().await?;
        Some((Ok::<_, Infallible>(bytes), streaming))
    });
    streamed("text/event-stream", stream)
}

struct Streaming {
    client: LiveClient,
    /// The server waits for the stream while it is held.
    #[expect(dead_code, reason = "it counts while it is held")]
    open: Open,
    /// What is sent before all else.
    opening: Option<Bytes>,
    has_ended: bool,
}

impl Streaming {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        if self.has_ended {
            return None;
        }
        Some(match self.client.next().await {
            Sent::Events(events) => joined(events.into_iter().map(|event| event.sse)),
            Sent::KeepAlive => Bytes::from_static(b":\n\n"),
            Sent::End(ended) => {
                self.has_ended = true;
                match ended {
                    Ended::Stop => format!("retry: {}\n\n", retry()).into(),
                    Ended::SessionOver => Bytes::from_static(b"event: signed-out\ndata: {}\n\n"),
                }
            }
        })
    }
}
