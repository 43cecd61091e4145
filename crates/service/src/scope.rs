//! What a running service holds: it becomes ready with it, runs tasks, and learns that it must stop.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::Error;
use crate::node::Node;
use crate::promise::Promise;
use crate::settings::{Live, Section};
use crate::stopping::Stopping;
use crate::tree::{Path, Tree};

/// The place of one running service in the tree.
pub struct Scope<H> {
    pub(crate) node: Arc<Node>,
    pub(crate) promise: Promise<H>,
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

    /// Runs a task alongside the body. Its error or panic is a failure of this service; its end is not.
    ///
    /// The task is cancelled (dropped where it waits) when the body returns. A task that must finish its work watches
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
    /// If it is called twice.
    pub fn ready(&self, handle: H) {
        assert!(!self.promise.is_answered(), "a service becomes ready once");
        self.node.show_ready();
        // If nobody waits for it: whoever started this service gave up, and will ask it to stop.
        let _ = self.promise.answer(Ok(handle));
    }

    /// Shows, in the log and in the status, where this service listens.
    pub fn listens_at(&self, address: SocketAddr) {
        self.node.show_address(address);
    }

    /// Shows that something this service needs is away: `nats`, and why. The service is not ready until
    /// [`Scope::goes_on`]; its handle stays in use. Does nothing before the service is ready, and while it stops.
    pub fn waits_for(&self, what: &'static str, why: impl fmt::Display) {
        self.node.show_waiting(Some((what, why.to_string())));
    }

    /// Shows that what this service waited for is back.
    pub fn goes_on(&self) {
        self.node.show_waiting(None);
    }

    /// Fires when this service is asked to stop, and when one of its tasks or children has failed.
    pub fn stopping(&self) -> Stopping {
        Stopping::new(Arc::clone(&self.node))
    }

    /// The current settings of one section, which follow every reload.
    ///
    /// # Errors
    ///
    /// If the program does not have the section.
    pub fn settings<T: Section>(&self) -> Result<Live<T>, Error> {
        Ok(self.node.settings.live()?)
    }

    /// The path of this service.
    pub fn path(&self) -> &Path {
        &self.node.path
    }

    /// The states of all services of the program.
    pub fn tree(&self) -> &Tree {
        &self.node.tree
    }
}
