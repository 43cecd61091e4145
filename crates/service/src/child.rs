//! Starting a child: how long it may take, and what its end means.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::node::{Node, Plan, StopOrder};
use crate::on_exit::OnExit;
use crate::restart::{Restart, Supervisor};
use crate::scope::Scope;
use crate::service::Service;
use crate::settings::Settings;
use crate::slot::Slot;
use crate::start::{ready, run};

const READY_WITHIN: Duration = Duration::from_secs(10);

impl<H> Scope<H> {
    /// Starts a child and hands out its handle, once the child is ready.
    ///
    /// The child is stopped after the body of this service has returned, before every child that was started earlier.
    ///
    /// # Errors
    ///
    /// The child's failure, if it failed or was not ready in time (10 s; [`Scope::child`] changes it); everything it
    /// had started is stopped by then. [`Stopped`](crate::Stopped) if this service was asked to stop in the meantime.
    pub async fn start<S: Service>(&self, name: &str, service: S) -> Result<S::Handle, Error> {
        self.child(name).start(service).await
    }

    /// Describes a child before it is started: what its end means, and how long it may take to start and stop.
    pub fn child<'a>(&'a self, name: &'a str) -> Child<'a> {
        Child::new(&self.node, name)
    }
}

/// A child to be started: [`Scope::child`] makes it.
///
/// `P` says what its end means: an [`OnExit`], or a [`Restart`].
#[derive(Debug)]
#[must_use = "a child runs only once it is started"]
pub struct Child<'a, P = OnExit> {
    parent: &'a Arc<Node>,
    name: &'a str,
    policy: P,
    /// `None` for any time.
    ready_within: Option<Duration>,
    stop_within: Duration,
    is_optional: bool,
    settings: Option<Settings>,
}

impl<'a> Child<'a> {
    pub(crate) fn new(parent: &'a Arc<Node>, name: &'a str) -> Self {
        let stop_within = parent.stop.within;
        let ready_within = Some(READY_WITHIN);
        Self { parent, name, policy: OnExit::Escalate, ready_within, stop_within, is_optional: false, settings: None }
    }

    /// What the end of the child means, once it was ready.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.policy = on_exit;
        self
    }

    /// Starts the child again whenever it fails, ends unasked, or is not ready in time.
    pub fn restart(self, restart: Restart) -> Child<'a, Restart> {
        let Self { parent, name, ready_within, stop_within, is_optional, settings, .. } = self;
        Child { parent, name, policy: restart, ready_within, stop_within, is_optional, settings }
    }

    /// Starts the child and hands out its handle, once it is ready.
    ///
    /// # Errors
    ///
    /// The same as those of [`Scope::start`].
    pub async fn start<S: Service>(self, service: S) -> Result<S::Handle, Error> {
        self.start_with(StopOrder::LastFirst, service).await
    }

    /// Runs the child until `until` is over, and returns once the child is gone: for a child that lives for a part of the life of
    /// this service. Its name may be used again then. What its own end means, says [`Child::on_exit`]; `until` is not waited
    /// for after it.
    ///
    /// # Errors
    ///
    /// The same as those of [`Scope::start`]; [`Stopped`](crate::Stopped) also if this service is asked to stop while the child
    /// runs. The child is stopped like every other one then, after the body has returned.
    pub async fn run_until<S: Service>(self, service: S, until: impl Future<Output = ()>) -> Result<(), Error> {
        let Self { parent, name, policy, ready_within, stop_within, is_optional, settings } = self;
        let (on_exit, stop_order) = (policy, StopOrder::LastFirst);
        let child = parent.add_child(name, Plan { on_exit, stop_order, stop_within, is_optional, settings })?;
        let answer = run(&child, service); // from here on it ends only by itself, or by a stop
        let lives = async {
            ready(parent, &child, answer, ready_within).await?;
            child.ended().await
        };
        tokio::select! {
            biased;
            () = parent.stop.token().cancelled() => Err(crate::error::Stopped.into()),
            () = until => {
                child.stop_until(child.stop.own_deadline()).await;
                Ok(())
            }
            ended = lives => ended,
        }
    }

    /// Starts the child, whose children are stopped in this order.
    pub(crate) async fn start_with<S: Service>(self, stop_order: StopOrder, service: S) -> Result<S::Handle, Error> {
        let Self { parent, name, policy, ready_within, stop_within, is_optional, settings } = self;
        let child = parent.add_child(name, Plan { on_exit: policy, stop_order, stop_within, is_optional, settings })?;
        ready(parent, &child, run(&child, service), ready_within).await
    }
}

impl<P> Child<'_, P> {
    /// How long the child may take to become ready. Default: 10 s.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = Some(limit);
        self
    }

    /// Lets the child take any time to become ready: for one that waits for a server which may be away.
    pub fn wait_until_ready(mut self) -> Self {
        self.ready_within = None;
        self
    }

    /// The program is ready without the child: while it starts, waits, or is started again. For a source of data without
    /// which the rest goes on.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// How long the child may take to stop, never longer than its parent has left. Default: all of that.
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// The settings that the child and its children read. Default: those of the parent.
    ///
    /// Their [warnings](Settings::warnings) are logged here.
    pub fn settings(mut self, settings: Settings) -> Self {
        settings.log_warnings();
        self.settings = Some(settings);
        self
    }
}

impl Child<'_, Restart> {
    /// Starts the child that `make` makes, and a new one whenever it fails. Hands out the slot for its handle once the
    /// child is ready for the first time, however often it had to be started until then.
    ///
    /// # Errors
    ///
    /// The child's last failure, if it failed too often; [`Stopped`](crate::Stopped) if this service was asked to stop
    /// in the meantime.
    pub async fn start<S: Service>(self, make: impl FnMut() -> S + Send + 'static) -> Result<Slot<S::Handle>, Error> {
        let Self { parent, name, policy, ready_within, stop_within, is_optional, settings } = self;
        let (on_exit, stop_order) = (OnExit::Escalate, StopOrder::LastFirst);
        let plan = Plan { on_exit, stop_order, stop_within, is_optional, settings };
        let supervisor = parent.add_child(name, plan)?;
        let answer = run(&supervisor, Supervisor { make, policy, ready_within });
        ready(parent, &supervisor, answer, None).await
    }
}
