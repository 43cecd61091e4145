//! Starting a child: how long it may take, and what its end means.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::node::{Edge, Node, after};
use crate::restart::Keeper;
use crate::{Error, Failure, Reason, Restart, Service, Settings, Slot, Stopped};

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
///
/// `P` is what its end means: an [`OnExit`], or a [`Restart`].
#[derive(Debug)]
#[must_use = "a child runs only once it is started"]
pub struct Child<'a, P = OnExit> {
    parent: &'a Arc<Node>,
    name: &'a str,
    policy: P,
    ready_within: Duration,
    stop_within: Duration,
    settings: Option<Settings>,
}

impl<'a> Child<'a> {
    pub(crate) fn new(parent: &'a Arc<Node>, name: &'a str) -> Self {
        let stop_within = parent.stop_within;
        Self { parent, name, policy: OnExit::Escalate, ready_within: READY_WITHIN, stop_within, settings: None }
    }

    /// What its end means, once it was ready.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.policy = on_exit;
        self
    }

    /// Lets it be started again whenever it fails, ends unasked, or is not ready in time.
    pub fn restart(self, restart: Restart) -> Child<'a, Restart> {
        let Self { parent, name, ready_within, stop_within, settings, .. } = self;
        Child { parent, name, policy: restart, ready_within, stop_within, settings }
    }

    /// Starts it and hands out its handle, once it is ready.
    ///
    /// # Errors
    ///
    /// As [`Scope::start`](crate::Scope::start).
    pub async fn start<S: Service>(self, service: S) -> Result<S::Handle, Error> {
        let child = self.parent.add_child(self.name, Edge::Part(self.policy), self.stop_within, self.settings)?;
        ready(self.parent, &child, child.run(service), Some(self.ready_within)).await
    }
}

impl<P> Child<'_, P> {
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

    /// The settings that it and its children read. Default: those of its parent.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }
}

impl Child<'_, Restart> {
    /// Starts what `make` makes, and again whenever it fails; hands out the slot for its handle once it was ready for
    /// the first time, however often it had to be started until then.
    ///
    /// # Errors
    ///
    /// Its last failure, when it failed too often; [`Stopped`] when this service was asked to stop meanwhile.
    pub async fn start<S: Service>(self, make: impl FnMut() -> S + Send + 'static) -> Result<Slot<S::Handle>, Error> {
        let Self { parent, name, policy, ready_within, stop_within, settings } = self;
        let keeper = parent.add_child(name, Edge::Keeper, stop_within, settings)?;
        let answer = keeper.run(Keeper { make, policy, ready_within });
        ready(parent, &keeper, answer, None).await
    }
}

/// Waits for a child's handle; undoes the child if there will be none.
pub(crate) async fn ready<H>(
    parent: &Node,
    child: &Arc<Node>,
    mut answer: oneshot::Receiver<Result<H, Error>>,
    within: Option<Duration>,
) -> Result<H, Error> {
    let too_late = async {
        match within {
            Some(limit) => sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let error = tokio::select! {
        biased;
        answer = &mut answer => match answer {
            Ok(answer) => return answer,
            Err(_) => Stopped.into(), // the runtime is going down
        },
        () = parent.stop.cancelled() => Stopped.into(),
        () = too_late => Failure::because(&child.path, Reason::NotReady(within.unwrap_or_default())),
    };
    let limit = after(child.stop_within);
    child.stop_until(parent.deadline().map_or(limit, |deadline| deadline.min(limit))).await;
    // What it says for itself is worth more than that it was late.
    match answer.try_recv() {
        Ok(Err(failure)) if failure.downcast_ref::<Stopped>().is_none() => Err(failure),
        _ => Err(error),
    }
}
