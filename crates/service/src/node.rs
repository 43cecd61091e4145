//! One running service without its types: its place in the tree, its children and tasks, and how it is stopped.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::future::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::children::Children;
use crate::error::{Error, Failure, Reason, Stopped};
use crate::lock::lock;
use crate::on_exit::{Circumstances, Ended, OnExit, failure_of, panicked};
use crate::settings::Settings;
use crate::stop::Stop;
use crate::tree::{Path, Row, State, Tree};

/// How long after its deadline a child is given up by its parent: the time to drop an aborted body.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: Path,
    pub(crate) tree: Tree,
    /// `None` for a supervised service: it shows its states in the row of its supervisor, which also shows its end.
    row: Option<Row>,
    parent: Option<Arc<Node>>,
    /// What its end means to the parent. `None` if whoever awaits [`Node::ended`] receives the failure: for a root, and
    /// for a supervised service.
    on_exit: Option<OnExit>,
    stop_order: StopOrder,
    /// The same for all services of the program, unless a child was given settings of its own.
    pub(crate) settings: Settings,
    pub(crate) stop: Stop,
    /// The first failure of the body, a task, or a child.
    failure: Mutex<Option<Error>>,
    children: Mutex<Children<Node>>,
    pub(crate) tasks: TaskTracker,
    cancel_tasks: CancellationToken,
    gone: CancellationToken,
}

/// The order in which the children of a service are asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopOrder {
    /// One after the other, last started first, after the body of their parent has returned.
    LastFirst,
    /// All of them at the moment when their parent is asked.
    Together,
}

/// What a parent decides about a child.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) on_exit: OnExit,
    pub(crate) stop_order: StopOrder,
    pub(crate) stop_within: Duration,
    pub(crate) is_optional: bool,
    /// `None` for those of the parent.
    pub(crate) settings: Option<Settings>,
}

impl Node {
    pub(crate) fn root(name: &str, tree: Tree, settings: Settings, stop_within: Duration) -> Arc<Self> {
        let path = Path::root(name);
        let row = Some(tree.add(&path, false));
        Arc::new(Self { row, ..Self::new(path, tree, settings, stop_within) })
    }

    /// A node without row, parent and policy.
    fn new(path: Path, tree: Tree, settings: Settings, stop_within: Duration) -> Self {
        Self {
            path,
            tree,
            row: None,
            parent: None,
            on_exit: None,
            stop_order: StopOrder::LastFirst,
            settings,
            stop: Stop::new(stop_within),
            failure: Mutex::default(),
            children: Mutex::default(),
            tasks: TaskTracker::new(),
            cancel_tasks: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// Adds the last child; refused when the stop was requested, or when a live sibling has the name.
    pub(crate) fn add_child(self: &Arc<Self>, name: &str, plan: Plan) -> Result<Arc<Self>, Error> {
        let path = self.path.child(name);
        let Plan { on_exit, stop_order, stop_within, is_optional, settings } = plan;
        self.add(path, |path| Self {
            row: Some(self.tree.add(&path, is_optional)),
            path,
            on_exit: Some(on_exit),
            stop_order,
            settings: settings.unwrap_or_else(|| self.settings.clone()),
            ..self.below(stop_within)
        })
    }

    /// Adds the service that this one supervises. It has the path of its supervisor, so it is known by one name,
    /// however often it is started.
    pub(crate) fn add_supervised(self: &Arc<Self>) -> Result<Arc<Self>, Error> {
        self.add(self.path.clone(), |_| self.below(self.stop.within))
    }

    fn add(self: &Arc<Self>, path: Path, make: impl FnOnce(Path) -> Self) -> Result<Arc<Self>, Error> {
        let mut children = lock(&self.children);
        if self.stop.is_requested() {
            return Err(Stopped.into());
        }
        if children.has(&path) {
            return Err(Failure::because(&path, Reason::DuplicateName));
        }
        let child = Arc::new(make(path.clone()));
        children.push(path, Arc::clone(&child));
        Ok(child)
    }

    /// A node below this one, with its path and settings, and without a row and policy.
    fn below(self: &Arc<Self>, stop_within: Duration) -> Self {
        let parent = Some(Arc::clone(self));
        Self { parent, ..Self::new(self.path.clone(), self.tree.clone(), self.settings.clone(), stop_within) }
    }

    /// The row that shows the states of this service: its own, or that of its supervisor.
    fn shown_in(&self) -> Option<Row> {
        self.row.or_else(|| self.parent.as_ref().and_then(|supervisor| supervisor.row))
    }

    fn show(&self, state: State) {
        if let Some(row) = self.shown_in() {
            self.tree.set(row, state, None);
        }
    }

    pub(crate) fn show_ready(&self) {
        if !self.stop.is_requested() {
            self.show(State::Ready);
        }
    }

    pub(crate) fn show_address(&self, address: SocketAddr) {
        if let Some(row) = self.shown_in() {
            self.tree.set_address(row, address);
        }
    }

    /// Shows that something this service needs is away, or is back; once it was ready, and until it is asked to stop.
    pub(crate) fn show_waiting(&self, waits_for: Option<(&'static str, String)>) {
        if let Some(row) = self.shown_in()
            && !self.stop.is_requested()
        {
            self.tree.set_waiting(row, waits_for);
        }
    }

    /// Shows that the service this one supervises has failed and will be started again.
    pub(crate) fn show_restarting(&self, error: &Error) {
        if let Some(row) = self.row {
            self.tree.set(row, State::Restarting, Some(format!("{error:#}")));
        }
    }

    /// Decides whether the end of the body is a failure.
    pub(crate) fn judge(&self, ended: Ended, was_ready: bool) {
        let when = Circumstances {
            was_asked: self.stop.is_requested(),
            was_ready,
            may_end: self.on_exit == Some(OnExit::Allow),
            is_root: self.parent.is_none(),
        };
        if let Some(failure) = failure_of(&self.path, ended, when) {
            self.fail(failure, None);
        }
    }

    /// Keeps the first failure, and asks this service to stop because of it.
    pub(crate) fn fail(&self, failure: Error, deadline: Option<Instant>) {
        lock(&self.failure).get_or_insert(failure);
        self.request_stop(deadline.unwrap_or_else(|| self.stop.own_deadline()));
    }

    /// Asks this service to stop; the deadline of the first request holds.
    pub(crate) fn request_stop(&self, deadline: Instant) {
        let children = lock(&self.children); // no child may be added between the check and the stop
        let deadline = deadline.min(self.stop.own_deadline());
        self.stop.request(deadline, || self.show(State::Draining));
        if self.stop_order == StopOrder::Together {
            children.iter().for_each(|child| child.request_stop(deadline));
        }
    }

    /// Resolves when the body has used up its share of the time to stop.
    pub(crate) async fn overrun(&self) {
        self.stop.token().cancelled().await;
        let alone = self.stop_order == StopOrder::Together || lock(&self.children).is_empty();
        sleep_until(self.stop.share(alone)).await;
    }

    /// Cancels the tasks, then stops the children.
    pub(crate) async fn stop_the_rest(&self) {
        self.show(State::Stopping);
        self.cancel_tasks.cancel();
        self.tasks.close();
        let alone = lock(&self.children).is_empty();
        if timeout_at(self.stop.share(alone) + GRACE, self.tasks.wait()).await.is_err() {
            self.tree.add_aborted(&self.path.child("tasks"));
        }
        match self.stop_order {
            StopOrder::Together => {
                let children: Vec<_> = lock(&self.children).iter().map(Arc::clone).collect();
                join_all(children.iter().map(|child| child.stop_until(self.stop.share(true)))).await;
            }
            StopOrder::LastFirst => loop {
                let last = lock(&self.children).last();
                let Some((child, is_only)) = last else { return };
                child.stop_until(self.stop.share(is_only)).await;
            },
        }
    }

    /// Asks this child to stop and waits until it is gone; gives it up, named, shortly after the deadline.
    pub(crate) async fn stop_until(&self, deadline: Instant) {
        let deadline = deadline.min(self.stop.own_deadline());
        self.request_stop(deadline);
        if timeout_at(deadline + GRACE, self.gone.cancelled()).await.is_err() {
            self.tree.add_aborted(&self.path);
            self.leave_parent();
        }
    }

    /// Shows how this service ended and leaves the parent, so that whoever learns of the end may use the name again.
    /// Returns the failure.
    pub(crate) fn leave(&self) -> Option<Error> {
        let failure = lock(&self.failure).take();
        let state = if failure.is_some() { State::Failed } else { State::Stopped };
        // Nothing is shown for a service that its parent gave up: its name may be another's.
        if let Some(row) = self.row
            && self.is_listed()
        {
            self.tree.set(row, state, failure.as_ref().map(|failure| format!("{failure:#}")));
        }
        self.leave_parent();
        failure
    }

    /// Passes the failure on to whom it concerns.
    pub(crate) fn report(&self, failure: Error) {
        if failure.is::<Stopped>() {
            return;
        }
        match (&self.parent, self.on_exit) {
            (Some(parent), Some(OnExit::Escalate)) => parent.fail(failure, self.stop.deadline()),
            // A supervisor that stops starts nothing again, so it does not ask for the failure.
            (Some(parent), None) if parent.stop.is_requested() => tracing::warn!("{failure:#}"),
            (Some(_), Some(OnExit::Allow)) => tracing::warn!("{failure:#}"),
            (_, None) | (None, _) => *lock(&self.failure) = Some(failure),
        }
    }

    /// The last step: from now on this service is gone.
    pub(crate) fn set_gone(&self) {
        self.gone.cancel();
    }

    /// Whether its parent still waits for its end.
    fn is_listed(&self) -> bool {
        self.parent.as_ref().is_none_or(|parent| lock(&parent.children).lists(self))
    }

    fn leave_parent(&self) {
        if let Some(parent) = &self.parent {
            lock(&parent.children).remove(self);
        }
    }

    /// Waits until this service is gone, and returns the failure, if nobody received it before.
    pub(crate) async fn ended(&self) -> Result<(), Error> {
        self.gone.cancelled().await;
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    /// Runs a task that is cancelled when the body is over.
    pub(crate) fn spawn(self: &Arc<Self>, name: &str, task: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let node = Arc::clone(self);
        let path = self.path.child(name);
        // Not an async block: that keeps `task` twice, as what it has captured and as what it awaits.
        let task = AssertUnwindSafe(task).catch_unwind().with_cancellation_token_owned(self.cancel_tasks.clone());
        self.tasks.spawn(task.map(move |result| match result {
            None | Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => node.fail(Failure::of(&path, error), None),
            Some(Err(panic)) => node.fail(panicked(&path, panic.as_ref()), None),
        }));
    }
}
