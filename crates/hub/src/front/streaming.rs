//! A channel as an HTTP stream: lines, JSON, server-sent events, or parts that replace each other.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;

use super::session::{AT_ONCE, Session};
use crate::{Batch, Format, Message, Subscription};

/// nginx must not collect a stream before it passes it on (nginx documentation, `proxy_buffering`).
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A reader without a way to learn of a gap has missed messages: its stream breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the reader was too slow: messages are gone that it has not seen")]
struct TooSlow;

pub(super) fn stream(subscription: Subscription, format: Format, session: Session) -> Response {
    let opening = Some(format.opening(subscription.behind));
    let end = Some(session.end());
    let stream = stream::unfold(Streaming { subscription, format, session, opening, end }, async |mut streaming| {
        let next = streaming.next().await?;
        Some((next, streaming))
    });
    let headers =
        [(CONTENT_TYPE, format.content_type()), (CACHE_CONTROL, "no-store".to_owned()), (BUFFERING, "no".to_owned())];
    (headers, Body::from_stream(stream)).into_response()
}

struct Streaming {
    subscription: Subscription,
    format: Format,
    session: Session,
    opening: Option<Bytes>,
    /// `None` once the stream has ended.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Streaming {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, TooSlow>> {
        if let Some(opening) = self.opening.take() {
            return Some(Ok(opening));
        }
        let end = self.end.as_mut()?;
        loop {
            tokio::select! {
                biased;
                () = &mut *end => {
                    self.end = None;
                    let closing = self.format.closing(Session::retry());
                    return (!closing.is_empty()).then_some(Ok(closing));
                }
                batch = self.subscription.next(AT_ONCE) => {
                    let Some(bytes) = encoded(&batch, self.format) else { return self.broken_off() };
                    if !bytes.is_empty() {
                        return Some(Ok(bytes));
                    }
                }
                () = self.session.keep_alive.tick() => {
                    if let Some(bytes) = self.format.keep_alive() {
                        return Some(Ok(bytes));
                    }
                }
            }
        }
    }

    fn broken_off(&mut self) -> Option<Result<Bytes, TooSlow>> {
        self.end = None;
        Some(Err(TooSlow))
    }
}

/// The batch as one piece; `None` if the format can't say what it says.
fn encoded(batch: &Batch<Arc<Message>>, format: Format) -> Option<Bytes> {
    match batch {
        Batch::Missed(count) => format.missed(*count),
        Batch::Items(messages) => match &messages[..] {
            [message] => Some(message.encoded(format)),
            messages => {
                let mut all = BytesMut::new();
                for message in messages {
                    all.extend_from_slice(&message.encoded(format));
                }
                Some(all.freeze())
            }
        },
    }
}
