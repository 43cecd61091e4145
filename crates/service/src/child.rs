//! Starting a child: how long it may take, and what its end means.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::node::Node;
use crate::{Error, Failure, Reason, Service, Stopped};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// What it means that a child ended without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// The parent stops too, and fails with the child's failure. The default.
    Escalate,
    /// The parent goes on; a failure is logged and stays visible in the tree.
    Allow,
}

/// A child to be started: [`Scope::child`](crate::Scope::child) makes it.
#[derive(Debug)]
#[must_use = "a child runs only once it is started"]
pub struct Child<'a> {
    parent: &'a Arc<Node>,
    name: &'a str,
    on_exit: OnExit,
    ready_within: Duration,
    stop_within: Duration,
}

impl<'a> Child<'a> {
    pub(crate) fn new(parent: &'a Arc<Node>, name: &'a str) -> Self {
        let stop_within = parent.stop_within;
        Self { parent, name, on_exit: OnExit::Escalate, ready_within: READY_WITHIN, stop_within }
    }

    /// What its end means, once it was ready.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// How long it may take to become ready. Default: 10 s.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// How long it may take to stop; never longer than what is left of its parent's time. Default: all of that.
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// Starts it and hands out its handle, once it is ready.
    ///
    /// # Errors
    ///
    /// As [`Scope::start`](crate::Scope::start).
    pub async fn start<S: Service>(self, service: S) -> Result<S::Handle, Error> {
        let child = self.parent.add_child(self.name, self.on_exit, self.stop_within)?;
        let mut answer = child.run(service);
        let error = tokio::select! {
            biased;
            answer = &mut answer => match answer {
                Ok(answer) => return answer,
                Err(_) => Stopped.into(), // the runtime is going down
            },
            () = self.parent.stop.cancelled() => Stopped.into(),
            () = sleep(self.ready_within) => Failure::because(&child.path, Reason::NotReady(self.ready_within)),
        };
        let limit = Instant::now() + self.stop_within;
        child.stop_until(self.parent.deadline().map_or(limit, |deadline| deadline.min(limit))).await;
        // What it says for itself is worth more than that it was late.
        match answer.try_recv() {
            Ok(Err(failure)) if failure.downcast_ref::<Stopped>().is_none() => Err(failure),
            _ => Err(error),
        }
    }
}
