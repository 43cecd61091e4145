//! How much a listener handles, and how often it tries.

use std::time::Duration;

/// How much a listener handles concurrently, and how often and for how long it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many events it handles concurrently.
    pub concurrency: usize,
    /// How many attempts an event gets.
    pub attempts: u32,
    /// How long an event may wait for an earlier one.
    pub wait: Duration,
}

impl Default for Limits {
    /// 8 concurrent events; 10 attempts, which take about two minutes; one hour.
    fn default() -> Self {
        Self { concurrency: 8, attempts: 10, wait: Duration::from_secs(60 * 60) }
    }
}
