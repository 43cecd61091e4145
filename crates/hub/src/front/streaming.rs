//! A channel as an HTTP stream: lines, JSON, server-sent events, or parts that replace each other.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::session::Session;
use crate::connections::{AT_ONCE, joined, retry, streamed};
use crate::{Batch, Format, Message, Subscription};

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
    streamed(&format.content_type(), stream)
}

struct Streaming {
    subscription: Subscription,
    format: Format,
    session: Session,
    opening: Option<Bytes>,
    /// `None` once the stream has ended.
    end: Option<BoxFuture<'static, ()>>,
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
                    let closing = self.format.closing(retry());
                    return (!closing.is_empty()).then_some(Ok(closing));
                }
                batch = self.subscription.next(AT_ONCE) => {
                    let Some(bytes) = encoded(&batch, self.format) else {
                        self.end = None;
                        return Some(Err(TooSlow));
                    };
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
}

/// The batch as one piece; `None` if the format can't say what it says.
fn encoded(batch: &Batch<Arc<Message>>, format: Format) -> Option<Bytes> {
    match batch {
        Batch::Missed(count) => format.missed(*count),
        Batch::Items(messages) => {
            let pieces: Vec<_> = messages.iter().map(|message| message.encoded(format)).collect();
            Some(joined(&pieces))
        }
    }
}
