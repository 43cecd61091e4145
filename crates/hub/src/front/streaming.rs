//! A channel as an HTTP stream: lines, JSON, server-sent events, or parts that replace each other.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::session::{Session, Signal};
use crate::connections::{AT_ONCE, joined, retry, streamed};
use crate::{Batch, Format, Message, Subscription};

/// A reader without a way to learn of a gap has missed messages: its stream breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the reader was too slow: messages are gone that it has not seen")]
struct TooSlow;

pub(super) fn stream(subscription: Subscription, format: Format, session: Session) -> Response {
    let opening = Some(format.opening(subscription.behind));
    let streaming = Streaming { subscription, format, session, opening, has_ended: false };
    let stream = stream::unfold(streaming, async |mut streaming| {
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
    has_ended: bool,
}

impl Streaming {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, TooSlow>> {
        if let Some(opening) = self.opening.take() {
            return Some(Ok(opening));
        }
        while !self.has_ended {
            tokio::select! {
                biased;
                Some(signal) = self.session.signals.next() => match signal {
                    Signal::End => {
                        self.has_ended = true;
                        let closing = self.format.closing(retry());
                        return (!closing.is_empty()).then_some(Ok(closing));
                    }
                    Signal::KeepAlive => {
                        if let Some(bytes) = self.format.keep_alive() {
                            return Some(Ok(bytes));
                        }
                    }
                },
                batch = self.subscription.next(AT_ONCE) => {
                    let Some(bytes) = encoded(&batch, self.format) else {
                        self.has_ended = true;
                        return Some(Err(TooSlow));
                    };
                    if !bytes.is_empty() {
                        return Some(Ok(bytes));
                    }
                }
            }
        }
        None
    }
}

/// The batch as one piece; `None` if the format can't say what it says.
fn encoded(batch: &Batch<Arc<Message>>, format: Format) -> Option<Bytes> {
    match batch {
        Batch::Missed(count) => format.missed(*count),
        Batch::Items(messages) => Some(joined(messages.iter().map(|message| message.encoded(format)))),
    }
}
