//! An HTTP server as a child that ends its open streams properly.
//!
//! It owns its accept loop, since `axum::serve` does not wait for streams and upgraded connections. When it is asked
//! to stop, it takes no new connections, lets requests in flight finish, closes idle connections, and waits for every
//! handler that holds an [`Open`]. An answer that comes before the end of its request reaches the client all the same.
//!
//! A handler gets the address of the other end of its connection as axum's `ConnectInfo<SocketAddr>`.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Version};
use axum::serve::{Listener, ListenerExt};
use futures_util::{FutureExt, Stream, StreamExt};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

pub use crate::lasting::Lasting;
use crate::lasting::{self, Offer};
use crate::linger::{Lingering, Unread};
use crate::node::Node;
use crate::{Error, Scope, Service, Stopping};

/// How long a client may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How much of an answer waits for a client that does not take it, in bytes; a request's head has at most as many.
const MOST_BUFFERED: usize = 64 * 1024;

/// A connection without a request is closed when it was seen idle so often, that long apart.
const IDLE_LOOKS: u32 = 5;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An HTTP/1.1 server; its handle is the address it listens on.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it listens; port 0 means any free one.
    pub bind: SocketAddr,
    /// What it answers.
    pub router: Router,
    /// How long it goes on accepting after it was asked to stop, so that load balancers can learn of it first.
    pub drain_delay: Duration,
}

impl Service for Http {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let listener = TcpListener::bind(self.bind).await.with_context(|| format!("listening on {}", self.bind))?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|connection| {
            connection.set_nodelay(true).ok(); // a stream's small pieces must not wait for each other
        });
        scope.listens_at(address);
        scope.ready(address);
        serve(listener, self.router, self.drain_delay, &scope).await;
        Ok(())
    }
}

/// Accepts until the scope is asked to stop, then waits for the requests in flight.
pub(crate) async fn serve<L, H>(mut listener: L, router: Router, drain_delay: Duration, scope: &Scope<H>)
where
    L: Listener<Addr: Clone + Sync + 'static>,
{
    let stopping = scope.stopping();
    let late = async {
        stopping.asked().await;
        sleep(drain_delay).await;
    };
    let mut late = pin!(late);
    let closing = CancellationToken::new();
    let routes = TowerToHyperService::new(router);
    loop {
        let (connection, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut late => break,
        };
        let node = Arc::clone(&scope.node);
        let open = Open { stopping: stopping.clone(), token: node.tasks.token(), node };
        let (requests, unread, offer) = (Requests::default(), Unread::default(), Offer::default());
        let service = {
            // The routes are shared by all connections, since many of them stay open for long.
            let (routes, requests, unread, offer) =
                (routes.clone(), Arc::clone(&requests), unread.clone(), offer.clone());
            service_fn(move |request: hyper::Request<Incoming>| {
                let counted = Counted::new(&requests);
                let mut request = request.map(|body| unread.watch(Body::new(body)));
                request.extensions_mut().insert(open.clone());
                request.extensions_mut().insert(ConnectInfo(peer.clone()));
                let has_chunks = request.method() == Method::GET && request.version() == Version::HTTP_11;
                let (answering, offer) = (routes.call(request), offer.clone());
                async move {
                    let answer = answering.await?;
                    let lasts = has_chunks && answer.extensions().get::<Lasting>().is_some();
                    let answer = answer.map(|body| if lasts { offer.make(body) } else { body });
                    Ok::<_, Infallible>(answer.map(|body| Body::new(CountedBody { body, _counted: counted })))
                }
            })
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(MOST_BUFFERED)
            .serve_connection(TokioIo::new(Lingering::new(connection, unread, offer.clone())), service)
            .with_upgrades();
        // In a box, as what follows it is: so the task is small.
        let (mut connection, closing) = (Box::new(connection), closing.clone());
        scope.spawn("connection", async move {
            let served = async {
                let lasting = tokio::select! {
                    taken = offer.taken(&mut connection) => taken?,
                    () = closing.cancelled() => {
                        Pin::new(&mut *connection).graceful_shutdown();
                        tokio::select! {
                            taken = offer.taken(&mut connection) => taken?,
                            () = idle(&requests) => None, // it has sent half of a request, and may never send the rest
                        }
                    }
                };
                // Of hyper, nothing is kept but the socket.
                let socket = connection.into_parts().map(|parts| parts.io.into_inner().alone());
                if let (Some(socket), Some(rest)) = (socket, lasting) {
                    Box::pin(lasting::send(socket, rest)).await?;
                }
                Ok::<_, Error>(())
            };
            match AssertUnwindSafe(served).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("a connection ended early: {error}"), // clients come and go
                Err(_) => tracing::error!("a handler panicked; its connection is closed, the others are not"),
            }
            Ok(())
        });
    }
    drop(listener);
    closing.cancel();
    scope.finished().await;
}

/// How many requests of one connection are in flight. Shared by the connection and its requests.
type Requests = Arc<AtomicUsize>;

/// One of them, until the last of its answer is sent.
struct Counted(Requests);

impl Counted {
    fn new(requests: &Requests) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(requests))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is counted until it is sent, and otherwise as it was; its length is known if it was.
struct CountedBody {
    body: Body,
    _counted: Counted,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Waits until no request has been in flight for a while.
async fn idle(requests: &Requests) {
    let mut quiet = 0;
    while quiet < IDLE_LOOKS {
        sleep(LOOK_EVERY).await;
        quiet = if requests.load(Ordering::Relaxed) == 0 { quiet + 1 } else { 0 };
    }
}

/// Taken by a handler whose answer stays open: a stream, or an upgraded connection.
///
/// The server stops only when every `Open` is dropped, or at its deadline.
#[derive(Clone, Debug)]
pub struct Open {
    stopping: Stopping,
    #[expect(dead_code, reason = "it counts while it is held")]
    token: TaskTrackerToken,
    node: Arc<Node>,
}

impl Open {
    /// The request to stop: for a WebSocket, the time to say goodbye.
    pub fn stopping(&self) -> &Stopping {
        &self.stopping
    }

    /// Runs a task of the server, for a connection that was upgraded. The server stops only when the task has ended, or
    /// at its deadline. A panic is logged, and ends this task alone.
    pub fn spawn(&self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        self.node.spawn(name, async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!("the task of an upgraded connection panicked; the connection is closed");
            }
            Ok(())
        });
    }

    /// The same stream, ending when the server is asked to stop; so a chunked body ends with its last chunk.
    pub fn until_stopping<S: Stream>(self, stream: S) -> impl Stream<Item = S::Item> {
        let stop = self.stopping.clone().into_future();
        stream.take_until(stop).map(move |item| {
            let _held = &self;
            item
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Open {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let not_ours = (StatusCode::INTERNAL_SERVER_ERROR, "this router is not served by service::http::Http");
        parts.extensions.get().cloned().ok_or(not_ours)
    }
}
