//! Restarting a child that fails.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::error::{Error, Failure, Reason, Stopped};
use crate::scope::Scope;
use crate::service::Service;
use crate::slot::Slot;
use crate::start::{ready, run};

/// When a child that failed is started again, and when that is given up.
///
/// The pause before a restart doubles with each failure, from `first` to `longest`, and is shortened at random by up to
/// half, so that many children that failed at the same moment do not come back at the same moment. The pauses of a
/// child that was ready for `longest` begin with `first` again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    first: Duration,
    longest: Duration,
    limit: Option<(u32, Duration)>,
    once_ready: bool,
}

impl Restart {
    /// Gives up, and lets the parent fail, at the failure after `times` restarts within `period`.
    pub fn at_most(times: u32, period: Duration) -> Self {
        Self { limit: Some((times, period)), ..Self::always() }
    }

    /// Never gives up.
    pub fn always() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5), limit: None, once_ready: false }
    }

    /// The shortest and the longest pause before a restart. Default: 100 ms and 5 s.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Restarts only a child that was ready before. A child that fails at its first start fails its parent at once, for
    /// what keeps it from starting is seldom gone a moment later.
    pub fn once_ready(mut self) -> Self {
        self.once_ready = true;
        self
    }

    /// The pause before the next start, after this number of failures in a row.
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

/// Starts a child, and a new one when it fails. The child is shown in the supervisor's row of the tree.
pub(crate) struct Supervisor<F> {
    pub(crate) make: F,
    pub(crate) policy: Restart,
    /// `None` for any time.
    pub(crate) ready_within: Option<Duration>,
}

impl<F, S> Service for Supervisor<F>
where
    F: FnMut() -> S + Send + 'static,
    S: Service,
{
    type Handle = Slot<S::Handle>;

    async fn run(mut self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let node = &scope.node;
        let stopping = scope.stopping();
        let (current, slot) = watch::channel(None);
        let mut slot = Some(Slot::new(node.path.clone(), slot)); // to be handed out once
        let mut recent = VecDeque::new();
        let mut failures_in_a_row = 0;
        loop {
            let child = node.add_supervised()?;
            let failure = match ready(node, &child, run(&child, (self.make)()), self.ready_within).await {
                Ok(handle) => {
                    current.send_replace(Some(handle));
                    if let Some(slot) = slot.take() {
                        // Not `Scope::ready`: the child has shown that it is ready.
                        let _ = scope.promise.answer(Ok(slot));
                    }
                    let since = Instant::now();
                    // Its handle is of no use from the moment when it begins to end.
                    stopping.or_stop(child.stop.token().cancelled()).await?;
                    current.send_replace(None);
                    let ended = stopping.or_stop(child.ended()).await?;
                    if since.elapsed() >= self.policy.longest {
                        failures_in_a_row = 0;
                    }
                    ended.err().unwrap_or_else(|| Failure::because(&node.path, Reason::EndedUnasked))
                }
                Err(error) if error.is::<Stopped>() => return Err(error),
                Err(failure) if slot.is_some() && self.policy.once_ready => return Err(failure),
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
            stopping.or_stop(sleep(self.policy.pause(failures_in_a_row))).await?;
        }
    }
}
