//! The untyped half of a running service: its place in the tree, and how it is undone.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tree::Row;
use crate::{Error, Failure, OnExit, Path, Reason, Scope, Service, Settings, State, Stopped, Tree};

/// How much later than its deadline a part is given up by its parent: time to drop an aborted body.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: Path,
    pub(crate) tree: Tree,
    row: Row,
    parent: Option<Arc<Node>>,
    edge: Edge,
    /// Shared by all parts of the program.
    pub(crate) settings: Settings,
    /// The longest a stop of this part may take.
    pub(crate) stop_within: Duration,
    pub(crate) stop: CancellationToken,
    /// Set when the stop is asked for, before `stop` fires.
    deadline: OnceLock<Instant>,
    /// The first failure of the body, a task, or a child.
    failure: Mutex<Option<Error>>,
    children: Mutex<Children>,
    pub(crate) tasks: TaskTracker,
    cancel_tasks: CancellationToken,
    gone: CancellationToken,
}

/// What a part is to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A part of its own, whose end means this.
    Part(OnExit),
    /// The keeper of a part that is restarted; its states are those of the part.
    Keeper,
    /// The part that a keeper keeps: its path and its row are the keeper's.
    Kept,
}

#[derive(Debug, Default)]
struct Children {
    in_start_order: Vec<Arc<Node>>,
    paths: HashSet<Path>,
}

/// Where the handle goes once, or the error instead of it.
///
/// Shared, since the scope (inside the body) fulfils it and the supervisor (around the body) answers when the body
/// never did.
pub(crate) type Promise<H> = Arc<Mutex<Option<oneshot::Sender<Result<H, Error>>>>>;

/// None of the locks of this crate is held while foreign code runs, so what a poisoned one guards is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The moment after so long; a time beyond all clocks is a year.
pub(crate) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + Duration::from_secs(365 * 24 * 60 * 60))
}

impl Node {
    pub(crate) fn root(name: &str, tree: Tree, settings: Settings, budget: Duration) -> Arc<Self> {
        let path = Path::root(name);
        let row = tree.add(&path);
        Arc::new(Self::new(path, tree, row, None, Edge::Part(OnExit::Allow), settings, budget))
    }

    fn new(
        path: Path,
        tree: Tree,
        row: Row,
        parent: Option<Arc<Node>>,
        edge: Edge,
        settings: Settings,
        stop_within: Duration,
    ) -> Self {
        Self {
            path,
            tree,
            row,
            parent,
            edge,
            settings,
            stop_within,
            stop: CancellationToken::new(),
            deadline: OnceLock::new(),
            failure: Mutex::default(),
            children: Mutex::default(),
            tasks: TaskTracker::new(),
            cancel_tasks: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// A new last child; refused when a stop was asked for, or a live sibling has the name.
    pub(crate) fn add_child(
        self: &Arc<Self>,
        name: &str,
        edge: Edge,
        stop_within: Duration,
        settings: Option<Settings>,
    ) -> Result<Arc<Self>, Error> {
        let kept = edge == Edge::Kept;
        let path = if kept { self.path.clone() } else { self.path.child(name) };
        let mut children = lock(&self.children);
        if self.stop.is_cancelled() {
            return Err(Stopped.into());
        }
        if !children.paths.insert(path.clone()) {
            return Err(Failure::because(&path, Reason::DuplicateName));
        }
        let row = if kept { self.row } else { self.tree.add(&path) };
        let (tree, parent) = (self.tree.clone(), Some(Arc::clone(self)));
        let settings = settings.unwrap_or_else(|| self.settings.clone());
        let child = Arc::new(Self::new(path, tree, row, parent, edge, settings, stop_within));
        children.in_start_order.push(Arc::clone(&child));
        Ok(child)
    }

    /// Shows a new state, unless it is for the part that is kept here to say.
    fn show(&self, state: State) {
        if self.edge != Edge::Keeper {
            self.tree.set(self.row, state, None);
        }
    }

    /// Shows that the part kept here has failed and will be started again.
    pub(crate) fn show_restarting(&self, error: &Error) {
        self.tree.set(self.row, State::Restarting, Some(format!("{error:#}")));
    }

    /// Runs the service on a task of its own; the answer is its handle, or the error that came instead.
    pub(crate) fn run<S: Service>(self: &Arc<Self>, service: S) -> oneshot::Receiver<Result<S::Handle, Error>> {
        let (promise, answer) = oneshot::channel();
        let promise: Promise<S::Handle> = Arc::new(Mutex::new(Some(promise)));
        let node = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "this is the task that every other one is undone by")]
        tokio::spawn(async move {
            let scope = Scope::new(Arc::clone(&node), Arc::clone(&promise));
            let body = AssertUnwindSafe(async { service.run(scope).await }).catch_unwind();
            tokio::select! {
                biased;
                ended = body => node.judge(ended, lock(&promise).is_none()),
                () = node.overrun() => node.tree.add_aborted(&node.path),
            }
            node.request_stop(after(node.stop_within));
            node.undo().await;
            node.leave(&promise);
        });
        answer
    }

    /// Decides whether the end of the body is a failure.
    fn judge(&self, ended: std::thread::Result<Result<(), Error>>, was_ready: bool) {
        let asked = self.stop.is_cancelled();
        let failure = match ended {
            Err(panic) => Failure::because(&self.path, Reason::Panicked(message_of(panic.as_ref()))),
            Ok(Err(error)) if asked && error.downcast_ref::<Stopped>().is_some() => return,
            Ok(Err(error)) => Failure::of(&self.path, error),
            Ok(Ok(())) if asked || self.parent.is_none() => return,
            Ok(Ok(())) if !was_ready => Failure::because(&self.path, Reason::EndedUnready),
            Ok(Ok(())) if self.edge == Edge::Part(OnExit::Allow) => return,
            Ok(Ok(())) => Failure::because(&self.path, Reason::EndedUnasked),
        };
        self.fail(failure, None);
    }

    /// Keeps the first failure and asks this part to stop because of it.
    pub(crate) fn fail(&self, failure: Error, deadline: Option<Instant>) {
        lock(&self.failure).get_or_insert(failure);
        self.request_stop(deadline.unwrap_or_else(|| after(self.stop_within)));
    }

    /// Asks this part to stop; the first deadline given holds.
    pub(crate) fn request_stop(&self, deadline: Instant) {
        let _children = lock(&self.children); // no child may be added between the check and the stop
        if self.deadline.set(deadline).is_ok() {
            self.show(State::Draining);
            self.stop.cancel();
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.get().copied()
    }

    /// Resolves when the body has used up its share of the time to stop.
    async fn overrun(&self) {
        self.stop.cancelled().await;
        let alone = lock(&self.children).in_start_order.is_empty();
        sleep_until(self.share(alone)).await;
    }

    /// Until when the next step of the stop may last.
    ///
    /// A quarter of what is left is kept for the steps after it, so one that overruns does not take theirs too.
    fn share(&self, last: bool) -> Instant {
        let now = Instant::now();
        let deadline = self.deadline().unwrap_or(now);
        if last { deadline } else { deadline - deadline.saturating_duration_since(now) / 4 }
    }

    /// Cancels the tasks, then undoes the children, last started first.
    async fn undo(&self) {
        self.show(State::Stopping);
        self.cancel_tasks.cancel();
        self.tasks.close();
        let alone = lock(&self.children).in_start_order.is_empty();
        if timeout_at(self.share(alone) + GRACE, self.tasks.wait()).await.is_err() {
            self.tree.add_aborted(&self.path.child("tasks"));
        }
        loop {
            let (child, last) = {
                let children = lock(&self.children);
                let Some(child) = children.in_start_order.last() else { return };
                (Arc::clone(child), children.in_start_order.len() == 1)
            };
            child.stop_until(self.share(last)).await;
        }
    }

    /// Asks this child to stop and waits until it is gone, or gives it up, named, shortly after the deadline.
    pub(crate) async fn stop_until(&self, deadline: Instant) {
        let deadline = deadline.min(after(self.stop_within));
        self.request_stop(deadline);
        if timeout_at(deadline + GRACE, self.gone.cancelled()).await.is_err() {
            self.tree.add_aborted(&self.path);
            self.leave_parent();
        }
    }

    /// The last step: says how it ended, to whoever is waiting for the handle, else to the parent.
    fn leave<H>(&self, promise: &Promise<H>) {
        let failure = lock(&self.failure).take();
        let promise = lock(promise).take();
        let state = if failure.is_some() { State::Failed } else { State::Stopped };
        // Of a part that will be started again, its keeper tells; of one that was given up, nobody.
        let is_kept = self.edge == Edge::Kept && self.parent.as_ref().is_some_and(|keeper| !keeper.stop.is_cancelled());
        if self.is_listed() && !(is_kept && failure.is_some()) {
            self.tree.set(self.row, state, failure.as_ref().map(|failure| format!("{failure:#}")));
        }
        self.leave_parent(); // first, so that whoever hears of it may use the name again
        match (promise, failure) {
            (Some(promise), failure) => {
                let error = failure.unwrap_or_else(|| Stopped.into());
                if let Err(Err(error)) = promise.send(Err(error)) {
                    self.report(error); // nobody waits any more
                }
            }
            (None, Some(failure)) => self.report(failure),
            (None, None) => {}
        }
        self.gone.cancel();
    }

    fn report(&self, failure: Error) {
        match (&self.parent, self.edge) {
            _ if failure.downcast_ref::<Stopped>().is_some() => {}
            (None, _) | (_, Edge::Kept) => *lock(&self.failure) = Some(failure), // for `ended`
            (Some(parent), Edge::Part(OnExit::Escalate) | Edge::Keeper) => parent.fail(failure, self.deadline()),
            (Some(_), Edge::Part(OnExit::Allow)) => tracing::warn!("{failure:#}"),
        }
    }

    /// Whether its parent still counts on it.
    fn is_listed(&self) -> bool {
        let Some(parent) = &self.parent else { return true };
        lock(&parent.children).in_start_order.iter().any(|child| std::ptr::eq(&raw const **child, self))
    }

    fn leave_parent(&self) {
        let Some(parent) = &self.parent else { return };
        let mut children = lock(&parent.children);
        // One that was given up has left already, and its name may be another's.
        if let Some(at) = children.in_start_order.iter().rposition(|child| std::ptr::eq(&raw const **child, self)) {
            children.in_start_order.remove(at);
            children.paths.remove(&self.path);
        }
    }

    /// Waits until this part is gone, and says why it failed, if it did.
    pub(crate) async fn ended(&self) -> Result<(), Error> {
        self.gone.cancelled().await;
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    /// Runs a task that is cancelled when the body is over.
    pub(crate) fn spawn(self: &Arc<Self>, name: &str, task: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let node = Arc::clone(self);
        let path = self.path.child(name);
        self.tasks.spawn(async move {
            match node.cancel_tasks.run_until_cancelled(AssertUnwindSafe(task).catch_unwind()).await {
                None | Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => node.fail(Failure::of(&path, error), None),
                Some(Err(panic)) => {
                    node.fail(Failure::because(&path, Reason::Panicked(message_of(panic.as_ref()))), None);
                }
            }
        });
    }

    /// Shows that something it needs is away, or is back; once it was ready, and until it is asked to stop.
    pub(crate) fn set_waiting(&self, waits_for: Option<(&'static str, String)>) {
        if !self.stop.is_cancelled() {
            self.tree.set_waiting(self.row, waits_for);
        }
    }

    pub(crate) fn set_ready(&self) {
        if !self.stop.is_cancelled() {
            self.show(State::Ready);
        }
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
