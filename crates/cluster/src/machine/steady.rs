//! Time that never goes back.

use std::time::Duration;

/// The time of a clock that may have been set back: the node's own time goes on from where it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    /// What the clock read last.
    read: Duration,
    /// How much the node's own time is ahead of the clock.
    ahead: Duration,
}

impl Steady {
    pub(crate) fn new(reads: Duration) -> Self {
        Self { read: reads, ahead: Duration::ZERO }
    }

    /// The node's own time when the clock was read last.
    pub(crate) fn now(&self) -> Duration {
        self.read + self.ahead
    }

    /// The node's own time when the clock reads this.
    pub(crate) fn at(&self, reads: Duration) -> Duration {
        reads.max(self.read) + self.ahead
    }

    /// What the clock reads at this time of the node.
    pub(crate) fn reading(&self, time: Duration) -> Duration {
        time.saturating_sub(self.ahead)
    }

    /// Takes what the clock reads now.
    pub(crate) fn advance(&mut self, reads: Duration) {
        self.ahead += self.read.saturating_sub(reads);
        self.read = reads;
    }
}
