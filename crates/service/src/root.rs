//! The root of a tree, as a test or a program controls it from outside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Failure, Stopped};
use crate::exit::{Ending, Exit};
use crate::node::Node;
use crate::promise::Answer;
use crate::service::Service;
use crate::settings::Settings;
use crate::start;
use crate::tree::{Path, Tree};

/// How long a whole program may take to stop: a little less than the 30 s that Kubernetes gives a pod.
const BUDGET: Duration = Duration::from_secs(25);

/// A root to be started: [`launch`] makes it.
#[derive(Debug)]
#[must_use = "a service runs only once it is started"]
pub struct Launch<S> {
    name: String,
    service: S,
    tree: Tree,
    settings: Settings,
    stop_within: Duration,
}

/// Describes the root of a tree, inside a tokio runtime.
pub fn launch<S: Service>(name: &str, service: S) -> Launch<S> {
    let (tree, settings) = (Tree::new(), Settings::default());
    Launch { name: name.to_owned(), service, tree, settings, stop_within: BUDGET }
}

impl<S: Service> Launch<S> {
    /// How long the whole tree may take to stop. Default: 25 s.
    pub fn stop_within(mut self, budget: Duration) -> Self {
        self.stop_within = budget;
        self
    }

    /// The settings that all services of the tree read. Default: none.
    ///
    /// Their [warnings](Settings::warnings) are logged at the start.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The states of all services of the tree; none before the start.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Starts the tree, without waiting until it is ready.
    pub fn start(self) -> Running<S::Handle> {
        self.settings.log_warnings();
        let root = Node::root(&self.name, self.tree, self.settings, self.stop_within);
        let answer = start::run(&root, self.service);
        Running { root, answer }
    }
}

/// A running tree. Dropping it asks the tree to stop; [`Running::stop`] also waits until it has.
pub struct Running<H> {
    root: Arc<Node>,
    answer: oneshot::Receiver<Answer<H>>,
}

impl<H> fmt::Debug for Running<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.root.path).finish()
    }
}

impl<H> Running<H> {
    /// Waits for the handle. It is handed out once.
    ///
    /// # Errors
    ///
    /// The failure that kept the tree from becoming ready; everything is stopped by then.
    pub async fn ready(&mut self) -> Result<H, Error> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(Stopped.into()))
    }

    /// The states of all services of the tree.
    pub fn tree(&self) -> &Tree {
        &self.root.tree
    }

    /// How long the whole tree may take to stop.
    pub(crate) fn stop_within(&self) -> Duration {
        self.root.stop.within
    }

    /// Asks the tree to stop, without waiting for its end.
    pub fn request_stop(&self) {
        self.root.request_stop(self.root.stop.own_deadline());
    }

    /// Waits until the tree has ended, by itself or on request.
    pub async fn ended(&mut self) -> Outcome {
        let mut result = self.root.ended().await;
        // A root that failed before it was ready sent its failure in place of the handle.
        if let Ok(Err(error)) = self.answer.try_recv()
            && result.is_ok()
            && error.downcast_ref::<Stopped>().is_none()
        {
            result = Err(error);
        }
        Outcome { result, aborted: self.tree().aborted() }
    }

    /// Asks the tree to stop and waits until it has ended.
    pub async fn stop(mut self) -> Outcome {
        self.request_stop();
        self.ended().await
    }
}

impl<H> Drop for Running<H> {
    fn drop(&mut self) {
        self.request_stop();
    }
}

/// How a tree ended.
#[derive(Debug)]
#[must_use = "how it ended may be a failure"]
pub struct Outcome {
    /// The first failure, if there is one.
    pub result: Result<(), Error>,
    /// The services that overran the deadline of the stop.
    pub aborted: Vec<Path>,
}

impl Outcome {
    /// The exit code for this outcome.
    pub fn exit(&self) -> Exit {
        match &self.result {
            Err(error) => Failure::cause::<Ending>(error).map_or(Exit::Failed, |ending| ending.exit),
            Ok(()) if self.aborted.is_empty() => Exit::Clean,
            Ok(()) => Exit::Aborted,
        }
    }
}
