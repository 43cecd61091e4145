//! The settings of this service alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

/// The section `[orders]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrdersSettings {
    /// How long a new order reserves its ticket, in seconds
    pub(crate) window_seconds: u32,
}

impl Default for OrdersSettings {
    fn default() -> Self {
        Self { window_seconds: 900 }
    }
}

impl Section for OrdersSettings {
    const NAME: &'static str = "orders";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("ORDER_WINDOW_SECONDS", "window_seconds")];
    const LIVE: &'static [&'static str] = &["window_seconds"];

    fn check(&self) -> Vec<Problem> {
        if self.window_seconds == 0 { vec![Problem::new("window_seconds", "must be above 0")] } else { Vec::new() }
    }
}
