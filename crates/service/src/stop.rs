//! The request to stop one service, and its deadline.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a deadline is away that is beyond the range of the clock.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The moment in `time` from now; at most a year away if that is beyond the range of the clock.
pub(crate) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + YEAR)
}

/// The request to stop one service. It is made once; the deadline of the first request holds.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The longest that the stop of this service may take.
    pub(crate) within: Duration,
    /// Set before `token` fires.
    deadline: OnceLock<Instant>,
    token: CancellationToken,
}

impl Stop {
    pub(crate) fn new(within: Duration) -> Self {
        Self { within, deadline: OnceLock::new(), token: CancellationToken::new() }
    }

    /// Requests the stop. If this is the first request, calls `announce` before the service learns of it.
    pub(crate) fn request(&self, deadline: Instant, announce: impl FnOnce()) {
        if self.deadline.set(deadline).is_ok() {
            announce();
            self.token.cancel();
        }
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Fires when the stop is requested.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// When everything must be over; unknown until the stop is requested.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.get().copied()
    }

    /// The deadline if the stop were requested now, without another limit.
    pub(crate) fn own_deadline(&self) -> Instant {
        after(self.within)
    }

    /// The deadline for the next step of the stop.
    ///
    /// A quarter of the remaining time is kept for the steps after it, so that a step that overruns leaves time for
    /// them; the last step gets all of it.
    pub(crate) fn share(&self, last: bool) -> Instant {
        let now = Instant::now();
        let deadline = self.deadline().unwrap_or(now);
        if last { deadline } else { deadline - deadline.saturating_duration_since(now) / 4 }
    }
}
