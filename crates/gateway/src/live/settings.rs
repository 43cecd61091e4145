//! The settings of the live tickets.

use std::time::Duration;

use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

/// The section `[live]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LiveSettings {
    /// Where the API of the orders service is, as http://host:port
    pub(super) orders_url: String,
    /// Seconds between two signs of life on a connection: 1 to 3600
    pub(super) keep_alive_seconds: u32,
    /// How many connections there may be: at least 1
    pub(super) max_connections: u32,
    /// How many connections one user may have who is signed in: at least 1
    pub(super) max_per_user: u32,
    /// How many connections one client address may have, signed in or not: at least 1
    pub(super) max_per_address: u32,
    /// Over how many milliseconds the ends of the connections are spread when the program stops: at most 20000
    pub(super) drain_milliseconds: u32,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            orders_url: "http://127.0.0.1:3000".to_owned(),
            keep_alive_seconds: 15,
            max_connections: 20_000,
            max_per_user: 20,
            max_per_address: 100,
            drain_milliseconds: 500,
        }
    }
}

impl Section for LiveSettings {
    const NAME: &'static str = "live";
    const LIVE: &'static [&'static str] =
        &["keep_alive_seconds", "max_connections", "max_per_user", "max_per_address", "drain_milliseconds"];

    fn check(&self) -> Vec<Problem> {
        let url: Option<Uri> = self.orders_url.parse().ok();
        let is_http = url.is_some_and(|url| url.scheme_str() == Some("http") && url.authority().is_some());
        let checks = [
            ("orders_url", is_http, "must be http://host:port: LIVE__ORDERS_URL=http://orders-srv:3000"),
            ("keep_alive_seconds", (1..=3600).contains(&self.keep_alive_seconds), "must be 1 to 3600"),
            ("max_connections", self.max_connections > 0, "must be at least 1"),
            ("max_per_user", self.max_per_user > 0, "must be at least 1"),
            ("max_per_address", self.max_per_address > 0, "must be at least 1"),
            ("drain_milliseconds", self.drain_milliseconds <= 20_000, "must be at most 20000"),
        ];
        let failed = checks.into_iter().filter(|(_, is_fine, _)| !is_fine);
        failed.map(|(key, _, problem)| Problem::new(key, problem)).collect()
    }
}

impl LiveSettings {
    pub(super) fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds.into())
    }
}
