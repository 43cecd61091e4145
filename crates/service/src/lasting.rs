//! Answers that last: streams of events, above all.
//!
//! While hyper sends an answer, it keeps two buffers of 8 KiB and the state of the request, also when nothing is sent for
//! minutes. So a connection with a [`Lasting`] answer leaves hyper as soon as the beginning of the answer is written and the
//! rest is not there yet; what follows is written here, chunk by chunk (RFC 9112, 7.1).

use std::future::poll_fn;
use std::io::{self, ErrorKind::UnexpectedEof};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Buf, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_write_buf;

/// The largest content that is copied to be one piece with its size, in bytes.
const COPIED: usize = 4096;

/// The mark of an answer that stays open for long, among the extensions of the response: its connection takes little memory
/// while it waits, and is closed at the end of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Lasting;

/// The lasting answer of a connection, if it has one. Shared by the connection, its socket, and what hyper sends.
#[derive(Clone, Default)]
pub(crate) struct Offer(Arc<Offered>);

#[derive(Default)]
struct Offered {
    /// The rest of the answer.
    body: Mutex<Option<Body>>,
    /// Whether that has nothing to send at the moment.
    is_waiting: AtomicBool,
    /// Whether all that hyper has sent is written.
    is_written: AtomicBool,
}

impl Offer {
    /// The same body, which the connection may take while hyper sends it.
    pub(crate) fn make(&self, body: Body) -> Body {
        *self.body() = Some(body);
        Body::new(OfferedBody(self.clone()))
    }

    /// Notes whether all that hyper has sent is written.
    pub(crate) fn note_written(&self, is_written: bool) {
        self.0.is_written.store(is_written, Ordering::Relaxed);
    }

    /// Waits until the connection ends, or until all that hyper has of a lasting answer is written; then the rest of it.
    pub(crate) async fn taken<E>(
        &self,
        connection: &mut (impl Future<Output = Result<(), E>> + Unpin),
    ) -> Result<Option<Body>, E> {
        poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(ended.map(|()| None));
            }
            if !self.0.is_waiting.load(Ordering::Relaxed) || !self.0.is_written.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            self.body().take().map_or(Poll::Pending, |body| Poll::Ready(Ok(Some(body))))
        })
        .await
    }

    // No code panics while it holds the lock but a body, whose connection ends then.
    fn body(&self) -> MutexGuard<'_, Option<Body>> {
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What hyper sends of the answer.
struct OfferedBody(Offer);

impl HttpBody for OfferedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = self.0.body().as_mut().map_or(Poll::Pending, |body| Pin::new(body).poll_frame(cx));
        self.0.0.is_waiting.store(frame.is_pending(), Ordering::Relaxed);
        frame
    }
}

impl Drop for OfferedBody {
    fn drop(&mut self) {
        self.0.0.is_waiting.store(false, Ordering::Relaxed);
        self.0.body().take();
    }
}

/// Writes the rest of an answer, until its end or until the client leaves, and closes the connection.
///
/// # Errors
///
/// When the body fails, and when the connection does; the answer has no end then, so the client notices.
pub(crate) async fn send(mut connection: impl AsyncRead + AsyncWrite + Unpin, mut body: Body) -> io::Result<()> {
    let connection = &mut connection;
    let mut is_over = false;
    while !is_over {
        let frame = until_ready(connection, |_, cx| Pin::new(&mut body).poll_frame(cx).map(Ok)).await?;
        is_over = frame.is_none();
        let content = frame.transpose().map_err(io::Error::other)?.and_then(|frame| frame.into_data().ok());
        let content = content.unwrap_or_default();
        if content.is_empty() && !is_over {
            continue; // a chunk without content is the end
        }
        let mut chunk = chunk(content);
        while chunk.has_remaining() {
            let written = until_ready(connection, |connection, cx| {
                let first = chunk.chunk();
                if first.len() < chunk.remaining() {
                    return poll_write_buf(connection, cx, &mut chunk);
                }
                // The system writes one piece faster than a list of one.
                let written = connection.poll_write(cx, first);
                written.map_ok(|written| {
                    chunk.advance(written);
                    written
                })
            });
            if written.await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        until_ready(connection, AsyncWrite::poll_flush).await?;
    }
    until_ready(connection, AsyncWrite::poll_shutdown).await
}

/// The content with its size before it and its end behind it. A small one is one piece; a large one stays where it is, since
/// all readers share it.
fn chunk(content: Bytes) -> impl Buf {
    let size = format!("{:x}\r\n", content.len());
    let (first, large) = if content.len() > COPIED {
        (size.into(), content)
    } else {
        ([size.as_bytes(), &content, b"\r\n"].concat(), Bytes::new())
    };
    let end: &[u8] = if large.is_empty() { b"" } else { b"\r\n" };
    Bytes::from(first).chain(large).chain(end)
}

/// Waits for something, and fails if the client leaves meanwhile. What the client sends is dropped: it should send nothing.
async fn until_ready<C: AsyncRead + Unpin, T>(
    connection: &mut C,
    mut poll: impl FnMut(Pin<&mut C>, &mut Context<'_>) -> Poll<io::Result<T>>,
) -> io::Result<T> {
    poll_fn(|cx| {
        let done = poll(Pin::new(&mut *connection), cx);
        if done.is_ready() {
            return done;
        }
        let mut dropped = [0; 256];
        loop {
            let mut buffer = ReadBuf::new(&mut dropped);
            match Pin::new(&mut *connection).poll_read(cx, &mut buffer)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if buffer.filled().is_empty() => return Poll::Ready(Err(UnexpectedEof.into())),
                Poll::Ready(()) => {}
            }
        }
    })
    .await
}
