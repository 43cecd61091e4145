//! What a running service holds: its way to start others, to say it is ready, and to learn that it must stop.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::node::{Node, Promise, lock};
use crate::{Child, Error, Live, Path, Section, Service, Tree};

/// The place of one running service in the tree.
pub struct Scope<H> {
    pub(crate) node: Arc<Node>,
    promise: Promise<H>,
}

impl<H> fmt::Debug for Scope<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.node.path).finish()
    }
}

impl<H> Scope<H> {
    pub(crate) fn new(node: Arc<Node>, promise: Promise<H>) -> Self {
        Self { node, promise }
    }

    /// Starts a child and hands out its handle, once it is ready.
    ///
    /// The child is undone after this service's body has returned, before everything started earlier.
    ///
    /// # Errors
    ///
    /// The child's failure, when it has failed, or was not ready in time (10 s; [`Scope::child`] changes it), and
    /// everything it had started is undone; [`Stopped`](crate::Stopped) when this service was asked to stop meanwhile.
    pub async fn start<S: Service>(&self, name: &str, service: S) -> Result<S::Handle, Error> {
        self.child(name).start(service).await
    }

    /// Describes a child before it is started: what its end means, and how long it may take to start and stop.
    pub fn child<'a>(&'a self, name: &'a str) -> Child<'a> {
        Child::new(&self.node, name)
    }

    /// Runs a task beside the body; its error or panic is this service's failure, its end is not.
    ///
    /// It is cancelled (dropped where it waits) when the body returns. A task that must end in order watches
    /// [`Scope::stopping`], and the body awaits [`Scope::finished`] before it returns.
    pub fn spawn(&self, name: &str, task: impl Future<Output = Result<(), Error>> + Send + 'static) {
        self.node.spawn(name, task);
    }

    /// Waits until no task of [`Scope::spawn`] is left.
    pub async fn finished(&self) {
        self.node.tasks.close();
        self.node.tasks.wait().await;
    }

    /// Hands out the handle: from now on this service is ready.
    ///
    /// # Panics
    ///
    /// When called twice.
    pub fn ready(&self, handle: H) {
        let promise = lock(&self.promise).take();
        let promise = promise.expect("a service becomes ready once");
        self.node.set_ready();
        // Nobody there: whoever started it gave up, and will ask it to stop.
        let _ = promise.send(Ok(handle));
    }

    /// Shows that something this service needs is away: `nats`, and why. It is not ready until [`Scope::goes_on`]; its
    /// handle stays in use. Before it is ready, and while it stops, this says nothing.
    pub fn waits_for(&self, what: &'static str, why: impl fmt::Display) {
        self.node.set_waiting(Some((what, why.to_string())));
    }

    /// Shows that what was away is back.
    pub fn goes_on(&self) {
        self.node.set_waiting(None);
    }

    /// Fires when this service is asked to stop, or a part of it has failed.
    pub fn stopping(&self) -> Stopping {
        Stopping { node: Arc::clone(&self.node) }
    }

    /// The current settings of one section, which follow every reload.
    ///
    /// # Errors
    ///
    /// When the program was not told about the section.
    pub fn settings<T: Section>(&self) -> Result<Live<T>, Error> {
        Ok(self.node.settings.live()?)
    }

    /// Where this service stands.
    pub fn path(&self) -> &Path {
        &self.node.path
    }

    /// The states of all parts of the program.
    pub fn tree(&self) -> &Tree {
        &self.node.tree
    }
}

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
    fn token(&self) -> &CancellationToken {
        &self.node.stop
    }

    /// Whether the stop was asked for already.
    pub fn is_asked(&self) -> bool {
        self.token().is_cancelled()
    }

    /// Waits for the request; like awaiting `self`, for a place where it is needed again.
    pub async fn asked(&self) {
        self.token().cancelled().await;
    }

    /// The output of `future`, or `None` when the stop is asked for first.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        self.token().run_until_cancelled(future).await
    }

    /// Until when everything must be over, once the stop was asked for.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }
}

impl IntoFuture for Stopping {
    type Output = ();
    type IntoFuture = WaitForCancellationFutureOwned;

    fn into_future(self) -> Self::IntoFuture {
        self.token().clone().cancelled_owned()
    }
}
