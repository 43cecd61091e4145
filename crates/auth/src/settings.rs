//! The settings of this service alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

/// The section `[auth]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthSettings {
    /// How many hours a session lasts after signing in
    pub(crate) session_hours: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { session_hours: 24 }
    }
}

impl Section for AuthSettings {
    const NAME: &'static str = "auth";

    fn check(&self) -> Vec<Problem> {
        if self.session_hours == 0 { vec![Problem::new("session_hours", "must be above 0")] } else { Vec::new() }
    }
}
