//! Closing a connection in stages (RFC 9112, 9.6).
//!
//! A server may answer before it has read the whole request: 413, say. To close the socket then would reset the
//! connection, and a reset can destroy the answer before the client reads it. So the write side is closed first, and
//! what the client still sends is read and dropped, until it closes too or [`LINGER`] is over.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::lasting::Offer;

/// How long a client that still sends is read after its answer is complete.
const LINGER: Duration = Duration::from_secs(1);

/// Whether a connection's latest request has a body that was not read to its end. Shared by the connection and the
/// request's body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// The same body; this knows from then on whether it was read to its end.
    pub(crate) fn watch(&self, body: Body) -> Body {
        self.note(&body);
        Body::new(WatchedBody { body, unread: self.clone() })
    }

    fn note(&self, body: &Body) {
        self.0.store(!body.is_end_stream(), Ordering::Relaxed);
    }
}

/// A request's body.
struct WatchedBody {
    body: Body,
    unread: Unread,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.unread.0.store(false, Ordering::Relaxed);
        } else {
            self.unread.note(&self.body);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose shutdown lingers if a request's body is unread, and which notes what is written.
pub(crate) struct Lingering<C> {
    connection: C,
    unread: Unread,
    /// What notes it, as long as the connection is hyper's.
    offer: Option<Offer>,
    /// Set once the write side is closed.
    until: Option<Pin<Box<Sleep>>>,
}

impl<C> Lingering<C> {
    pub(crate) fn new(connection: C, unread: Unread, offer: Offer) -> Self {
        Self { connection, unread, offer: Some(offer), until: None }
    }

    /// The same connection, without notes of what is written.
    pub(crate) fn alone(self) -> Self {
        Self { offer: None, ..self }
    }

    fn note_written(&self, is_written: bool) {
        if let Some(offer) = &self.offer {
            offer.note_written(is_written);
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Lingering<C> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note_written(false);
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_written(false);
        Pin::new(&mut self.connection).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.connection).poll_flush(cx))?;
        self.note_written(true); // hyper flushes when its buffer is empty, and only then
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { connection, unread, until, .. } = &mut *self;
        if until.is_none() {
            ready!(Pin::new(&mut *connection).poll_shutdown(cx))?;
            if !unread.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let until = until.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut dropped = [0; 4096];
        while until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut *connection).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
