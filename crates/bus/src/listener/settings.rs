//! The settings of listeners.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

use super::Limits;

/// The section `[listener]`, of every service that listens to events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListenerSettings {
    /// How long an event may wait for an earlier one before it becomes a dead letter, in seconds
    pub wait_seconds: u32,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self { wait_seconds: 60 * 60 }
    }
}

impl Section for ListenerSettings {
    const NAME: &'static str = "listener";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("LISTENER_WAIT_SECONDS", "wait_seconds")];

    fn check(&self) -> Vec<Problem> {
        let is_invalid = self.wait_seconds == 0;
        is_invalid
            .then(|| Problem::new("wait_seconds", "must be at least 1: LISTENER_WAIT_SECONDS=3600"))
            .into_iter()
            .collect()
    }
}

impl ListenerSettings {
    /// The limits of a listener.
    pub(crate) fn limits(&self) -> Limits {
        Limits { wait: Duration::from_secs(self.wait_seconds.into()), ..Limits::default() }
    }
}
