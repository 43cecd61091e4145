//! The root of a tree, held from outside: by a test, or by the program that runs it.

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

    /// The settings that its parts read. Default: none.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The states of all its parts, as yet none.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Lets it run, without waiting until it is ready.
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
    /// Waits for the handle. It is given once.
    ///
    /// # Errors
    ///
    /// What kept the tree from becoming ready; all of it is undone then.
    pub async fn ready(&mut self) -> Result<H, Error> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(Stopped.into()))
    }

    /// The states of all its parts.
    pub fn tree(&self) -> &Tree {
        &self.root.tree
    }

    /// How long all of it may take to stop.
    pub(crate) fn stop_within(&self) -> Duration {
        self.root.stop.within
    }

    /// Asks all of it to stop, and does not wait.
    pub fn request_stop(&self) {
        self.root.request_stop(self.root.stop.own_deadline());
    }

    /// Waits until it ended, by itself or on request.
    pub async fn ended(&mut self) -> Outcome {
        let mut result = self.root.ended().await;
        // A root that failed before it was ready told so where the handle was expected.
        if let Ok(Err(error)) = self.answer.try_recv()
            && result.is_ok()
            && error.downcast_ref::<Stopped>().is_none()
        {
            result = Err(error);
        }
        Outcome { result, aborted: self.tree().aborted() }
    }

    /// Asks all of it to stop and waits until it has.
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
    /// The first failure, or nothing.
    pub result: Result<(), Error>,
    /// The parts that overran the deadline of the stop.
    pub aborted: Vec<Path>,
}

impl Outcome {
    /// The exit code that says the same.
    pub fn exit(&self) -> Exit {
        match &self.result {
            Err(error) => Failure::cause::<Ending>(error).map_or(Exit::Failed, |ending| ending.exit),
            Ok(()) if self.aborted.is_empty() => Exit::Clean,
            Ok(()) => Exit::Aborted,
        }
    }
}
