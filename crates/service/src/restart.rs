//! Restarting a child that fails.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::child::ready;
use crate::node::Edge;
use crate::{Error, Failure, Reason, Scope, Service, Slot, Stopped};

/// When a child that failed is started again, and when that is given up.
///
/// The pause before a restart doubles with each failure, from `first` to `longest`, and is shortened at random by up to
/// half, so that many that failed together do not come back together. A child that was ready for `longest` begins
/// anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    first: Duration,
    longest: Duration,
    limit: Option<(u32, Duration)>,
}

impl Restart {
    /// Gives up, and lets the parent fail, at the failure after `times` restarts within `period`.
    pub fn at_most(times: u32, period: Duration) -> Self {
        Self { limit: Some((times, period)), ..Self::always() }
    }

    /// Never gives up.
    pub fn always() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5), limit: None }
    }

    /// The shortest and the longest pause before a restart. Default: 100 ms and 5 s.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// The pause before the next start, after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(rand::random_range(0.5..=1.0))
    }
}

impl Default for Restart {
    /// At most 5 times in 60 s.
    fn default() -> Self {
        Self::at_most(5, Duration::from_secs(60))
    }
}

/// Starts a part, and again when it fails. It stands in the tree at the part's place.
pub(crate) struct Keeper<F> {
    pub(crate) make: F,
    pub(crate) policy: Restart,
    pub(crate) ready_within: Duration,
}

impl<F, S> Service for Keeper<F>
where
    F: FnMut() -> S + Send + 'static,
    S: Service,
{
    type Handle = Slot<S::Handle>;

    async fn run(mut self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let node = &scope.node;
        let stopping = scope.stopping();
        let (current, slot) = watch::channel(None);
        let mut slot = Some(Slot::new(node.path.clone(), slot)); // to be given out once
        let mut recent = VecDeque::new();
        let mut failures_in_a_row = 0;
        loop {
            let part = node.add_child("", Edge::Kept, node.stop_within, None)?;
            let failure = match ready(node, &part, part.run((self.make)()), Some(self.ready_within)).await {
                Ok(handle) => {
                    current.send_replace(Some(handle));
                    if let Some(slot) = slot.take() {
                        scope.ready(slot);
                    }
                    let since = Instant::now();
                    // Its handle is no good from the moment it begins to end.
                    let Some(()) = stopping.or(part.stop.cancelled()).await else { return Ok(()) };
                    current.send_replace(None);
                    let Some(ended) = stopping.or(part.ended()).await else { return Ok(()) };
                    if since.elapsed() >= self.policy.longest {
                        failures_in_a_row = 0;
                    }
                    ended.err().unwrap_or_else(|| Failure::because(&node.path, Reason::EndedUnasked))
                }
                Err(error) if error.is::<Stopped>() => return Err(error),
                Err(failure) => failure,
            };
            failures_in_a_row += 1;
            if let Some((times, period)) = self.policy.limit {
                let now = Instant::now();
                recent.push_back(now);
                while recent.front().is_some_and(|failed| now.duration_since(*failed) > period) {
                    recent.pop_front();
                }
                if recent.len() > times.try_into().unwrap_or(usize::MAX) {
                    return Err(failure.context(format!("failed again after {times} restarts within {period:?}")));
                }
            }
            node.show_restarting(&failure);
            if stopping.or(sleep(self.policy.pause(failures_in_a_row))).await.is_none() {
                return Ok(());
            }
        }
    }
}
