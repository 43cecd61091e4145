//! The request to stop, as a service sees it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_util::future::FutureExt as _;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::error::Stopped;
use crate::node::Node;

/// The request to stop, as something to wait for: `scope.stopping().await`.
#[derive(Clone)]
pub struct Stopping {
    node: Arc<Node>,
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopping").field("path", &self.node.path).field("asked", &self.is_asked()).finish()
    }
}

impl Stopping {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    /// Whether the service was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.node.stop.is_requested()
    }

    /// Waits for the request. The same as awaiting `self`, where `self` is still needed afterwards.
    pub async fn asked(&self) {
        self.node.stop.token().cancelled().await;
    }

    /// The output of `future`, or `None` if the service is asked to stop first; `future` is dropped then.
    pub fn or<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> {
        // Not an async function: that keeps `future` twice, as its argument and as what it awaits, and these are nested.
        future.with_cancellation_token(self.node.stop.token())
    }

    /// The output of `future`, for a service that has nothing to do before it ends: `stopping.or_stop(future).await?`.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the service is asked to stop first; `future` is dropped then. Returned from
    /// [`Service::run`](crate::Service::run) it is a clean end.
    pub fn or_stop<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Stopped>> {
        self.or(future).map(|output| output.ok_or(Stopped))
    }

    /// When everything must be over; `None` until the service is asked to stop.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.stop.deadline()
    }
}

impl IntoFuture for Stopping {
    type Output = ();
    type IntoFuture = WaitForCancellationFutureOwned;

    fn into_future(self) -> Self::IntoFuture {
        self.node.stop.token().clone().cancelled_owned()
    }
}
