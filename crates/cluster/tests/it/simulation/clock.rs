//! The clock of one simulated node.

use std::time::Duration;

/// A clock that counts from the start of a life of a node, at its own rate, and can stop and jump.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The moment and the reading at the last change.
    at: Duration,
    reads: Duration,
    /// How much faster than real time it goes, in parts per million.
    drift: i32,
    is_stopped: bool,
}

impl Clock {
    pub(crate) fn new(now: Duration, drift: i32) -> Self {
        Self { at: now, reads: Duration::from_secs(1000), drift, is_stopped: false }
    }

    pub(crate) fn read(&self, now: Duration) -> Duration {
        let passed = now - self.at;
        let gained = passed * self.drift.unsigned_abs() / 1_000_000;
        match (self.is_stopped, self.drift < 0) {
            (true, _) => self.reads,
            (false, true) => self.reads + passed - gained,
            (false, false) => self.reads + passed + gained,
        }
    }

    /// About how long to wait until the clock reads this; never too short by more than its drift.
    pub(crate) fn until(&self, now: Duration, reads: Duration) -> Duration {
        reads.saturating_sub(self.read(now)) + Duration::from_micros(50)
    }

    pub(crate) fn stop(&mut self, now: Duration) {
        *self = Self { at: now, reads: self.read(now), drift: self.drift, is_stopped: true };
    }

    pub(crate) fn go_on(&mut self, now: Duration) {
        *self = Self { at: now, reads: self.read(now), drift: self.drift, is_stopped: false };
    }

    pub(crate) fn jump(&mut self, now: Duration, milliseconds: i64) {
        let by = Duration::from_millis(milliseconds.unsigned_abs());
        let reads = self.read(now);
        let reads = if milliseconds < 0 { reads.saturating_sub(by) } else { reads + by };
        *self = Self { at: now, reads, drift: self.drift, is_stopped: self.is_stopped };
    }
}
