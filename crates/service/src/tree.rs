//! The state of every service of a program, as data.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use tokio::sync::watch;

/// The place of a service in the tree: `ticketing/tickets/http`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Path(Arc<str>);

impl Path {
    pub(crate) fn root(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Path {
    /// Whether this is a descendant of the service at the other path.
    fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a service is doing; the front page of this crate has the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its body runs; its handle is not handed out yet.
    Starting,
    /// Its handle is in use.
    Ready,
    /// Its handle is in use, but something it needs is away; it continues by itself once that is back.
    Waiting,
    /// It was asked to stop; its body finishes its work in flight.
    Draining,
    /// Its body has returned; its tasks are cancelled and its children are stopped.
    Stopping,
    /// It has ended in order.
    Stopped,
    /// It has ended with an error.
    Failed,
    /// It has ended with an error and will be started again.
    Restarting,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Restarting => "restarting",
        };
        f.write_str(text)
    }
}

impl State {
    fn is_stopping(self) -> bool {
        matches!(self, Self::Draining | Self::Stopping)
    }

    fn may_listen(self) -> bool {
        !matches!(self, Self::Stopped | Self::Failed | Self::Restarting)
    }

    /// Whether a service in this state is as it should be: in use, or ended in a way that its parent allows.
    fn is_settled(self) -> bool {
        match self {
            Self::Ready | Self::Stopped | Self::Failed => true,
            Self::Starting | Self::Waiting | Self::Draining | Self::Stopping | Self::Restarting => false,
        }
    }
}

/// One row of the tree.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The place of the service.
    pub path: Path,
    /// What the service is doing.
    pub state: State,
    /// Since when the service is in this state.
    #[serde(with = "rfc3339")]
    pub since: SystemTime,
    /// How often the service was started again after a failure.
    pub restarts: u32,
    /// Where the service listens, if it does.
    pub address: Option<SocketAddr>,
    /// What a waiting service waits for: `nats`.
    pub waits_for: Option<&'static str>,
    /// Why the service failed, or waits.
    pub error: Option<String>,
    /// Whether the program is ready without the service and what is below it.
    #[serde(rename = "optional")]
    pub is_optional: bool,
}

/// The key of a row; rows are in the order of the starts.
pub(crate) type Row = u64;

/// A live view of every service, in the order of the starts.
///
/// A service that has ended stays listed until its name is used again.
#[derive(Clone, Debug)]
pub struct Tree {
    rows: Arc<watch::Sender<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    next: Row,
    statuses: BTreeMap<Row, Status>,
    latest: HashMap<Path, Row>,
    aborted: Vec<Path>,
    /// What the log says is away.
    away: HashSet<&'static str>,
}

impl Rows {
    /// Reports that something is away, once for all that need it.
    fn report_away(&mut self, what: &'static str, why: &str) {
        if self.away.insert(what) {
            tracing::warn!("{what} is away: {why}; what needs it waits");
        }
    }

    /// Reports that something is back that was reported, when nobody waits for it any more.
    fn report_back(&mut self, what: &'static str) {
        if self.forget_away(what) {
            tracing::warn!("{what} is back");
        }
    }

    /// Forgets that something was reported, unless somebody waits for it; whether it was.
    fn forget_away(&mut self, what: &'static str) -> bool {
        let is_awaited = self.statuses.values().any(|status| status.waits_for == Some(what));
        !is_awaited && self.away.remove(what)
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { rows: Arc::new(watch::Sender::new(Rows::default())) }
    }

    /// The current status of every service.
    pub fn statuses(&self) -> Vec<Status> {
        self.rows.borrow().statuses.values().cloned().collect()
    }

    /// Every service that overran the deadline of its stop and was aborted.
    pub fn aborted(&self) -> Vec<Path> {
        self.rows.borrow().aborted.clone()
    }

    /// The services that were asked to stop and have not ended: of those that wait for each other, the innermost.
    pub fn stopping(&self) -> Vec<Path> {
        let rows = self.rows.borrow();
        let stopping: Vec<_> = rows.statuses.values().filter(|status| status.state.is_stopping()).collect();
        let is_innermost = |path: &Path| !stopping.iter().any(|other| other.path.is_below(path));
        stopping.iter().map(|status| &status.path).filter(|path| is_innermost(path)).cloned().collect()
    }

    /// The services that keep the program from being ready: the root unless it is ready, and every other service that
    /// starts, stops or waits; but not the optional ones, and not those that wait for something in `excluded`: `nats`.
    pub fn not_ready(&self, excluded: &[String]) -> Vec<Path> {
        let rows = self.rows.borrow();
        let root = rows.statuses.values().next().filter(|root| root.state != State::Ready);
        let is_excluded =
            |status: &&Status| status.waits_for.is_none_or(|what| !excluded.iter().any(|name| name == what));
        let optional: Vec<_> = rows.statuses.values().filter(|status| status.is_optional).collect();
        let is_required = |status: &&Status| {
            !optional.iter().any(|other| status.path == other.path || status.path.is_below(&other.path))
        };
        let others = rows.statuses.values().skip(1).filter(|status| !status.state.is_settled());
        let others = others.filter(is_excluded).filter(is_required);
        root.into_iter().chain(others).map(|status| status.path.clone()).collect()
    }

    /// Waits until `condition` is true for the statuses; it is evaluated at every change.
    pub async fn wait_for(&self, mut condition: impl FnMut(&[Status]) -> bool) -> Vec<Status> {
        let mut changes = self.rows.subscribe();
        loop {
            let statuses: Vec<_> = changes.borrow_and_update().statuses.values().cloned().collect();
            if condition(&statuses) {
                return statuses;
            }
            if changes.changed().await.is_err() {
                // `self` has the sender, so this is never reached; there is nothing left to wait for.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Adds a service that starts. The program is ready without an optional one, and without what is below it.
    pub(crate) fn add(&self, path: &Path, is_optional: bool) -> Row {
        let mut row = 0;
        self.rows.send_modify(|rows| {
            row = rows.next;
            rows.next += 1;
            if let Some(ended) = rows.latest.insert(path.clone(), row) {
                rows.statuses.remove(&ended);
            }
            let state = State::Starting;
            let since = SystemTime::now();
            let path = path.clone();
            let status =
                Status { path, state, since, restarts: 0, address: None, waits_for: None, error: None, is_optional };
            rows.statuses.insert(row, status);
        });
        row
    }

    pub(crate) fn set(&self, row: Row, state: State, error: Option<String>) {
        self.rows.send_modify(|rows| {
            if let Some(status) = rows.statuses.get_mut(&row) {
                match (state, &error) {
                    // As loud as the failure before it.
                    (State::Ready, _) if status.restarts > 0 => tracing::warn!("{} is ready again", status.path),
                    (State::Ready | State::Stopped, _) => tracing::info!("{} is {state}", status.path),
                    (State::Restarting, Some(error)) => tracing::warn!(error, "{} is {state}", status.path),
                    // The service that it escalates to reports it louder.
                    (State::Failed, Some(error)) => tracing::info!(error, "{} is {state}", status.path),
                    _ => tracing::debug!("{} is {state}", status.path),
                }
                status.restarts += u32::from(state == State::Restarting);
                status.state = state;
                status.since = SystemTime::now();
                status.address = status.address.filter(|_| state.may_listen());
                status.error = error;
                // Whatever it waited for, nobody learns from it whether that is back.
                if let Some(what) = status.waits_for.take() {
                    rows.forget_away(what);
                }
            }
        });
    }

    /// Shows where a service listens, until it has stopped.
    pub(crate) fn set_address(&self, row: Row, address: SocketAddr) {
        self.rows.send_modify(|rows| {
            if let Some(status) = rows.statuses.get_mut(&row) {
                tracing::info!("{} listens at {address}", status.path);
                status.address = Some(address);
            }
        });
    }

    /// Shows a service that was ready as waiting for something, or as ready again. Call it at each check that fails: what
    /// is away at two of them is a warning, one for all services, and then it is a warning that it is back.
    pub(crate) fn set_waiting(&self, row: Row, waits_for: Option<(&'static str, String)>) {
        self.rows.send_if_modified(|rows| {
            let Some(status) = rows.statuses.get_mut(&row) else { return false };
            match (waits_for, status.state) {
                (Some((what, why)), State::Ready) => {
                    tracing::info!("{} waits for {what}: {why}", status.path);
                    (status.state, status.since) = (State::Waiting, SystemTime::now());
                    (status.waits_for, status.error) = (Some(what), Some(why));
                    true
                }
                (Some((what, why)), State::Waiting) => {
                    let is_changed = status.error.as_ref() != Some(&why);
                    (status.waits_for, status.error) = (Some(what), Some(why.clone()));
                    rows.report_away(what, &why);
                    is_changed
                }
                (None, State::Waiting) => {
                    tracing::info!("{} is ready again", status.path);
                    (status.state, status.since, status.error) = (State::Ready, SystemTime::now(), None);
                    if let Some(what) = status.waits_for.take() {
                        rows.report_back(what);
                    }
                    true
                }
                _ => false,
            }
        });
    }

    pub(crate) fn add_aborted(&self, path: &Path) {
        tracing::error!(%path, "did not stop in time and was aborted");
        self.rows.send_modify(|rows| rows.aborted.push(path.clone()));
    }
}

/// Times in RFC 3339: `2026-01-31T12:00:00.123Z`.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Serialize, Serializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    pub(super) fn serialize<S: Serializer>(since: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let text = OffsetDateTime::from(*since).format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        text.serialize(serializer)
    }
}
