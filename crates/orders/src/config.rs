//! The settings, with the course's environment names.

use std::net::SocketAddr;

use common::bus::NatsSettings;
use common::config::required;
use common::telemetry::TelemetrySettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Problem, Secret, Sections};

/// All sections of this program.
pub fn sections() -> Sections {
    Sections::new().with::<OrdersSettings>().with::<NatsSettings>().with::<TelemetrySettings>()
}

/// The section `[orders]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrdersSettings {
    /// Where the API listens
    #[schemars(with = "String")]
    pub(crate) bind: SocketAddr,
    /// The key that sessions are signed with, the same for all services
    pub(crate) jwt_key: Secret,
    /// The database, as mongodb://host:port/database
    pub(crate) mongo_uri: Secret,
    /// How long an order holds its ticket, in seconds
    pub(crate) window_seconds: u32,
}

impl Default for OrdersSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3000)),
            jwt_key: Secret::default(),
            mongo_uri: Secret::default(),
            window_seconds: 900,
        }
    }
}

impl Section for OrdersSettings {
    const NAME: &'static str = "orders";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] =
        &[("JWT_KEY", "jwt_key"), ("MONGO_URI", "mongo_uri"), ("ORDER_WINDOW_SECONDS", "window_seconds")];
    const LIVE: &'static [&'static str] = &["window_seconds"];

    fn check(&self) -> Vec<Problem> {
        let problems = [
            required::<String>("jwt_key", self.jwt_key.reveal(), "JWT_KEY=some-long-secret"),
            required::<String>("mongo_uri", self.mongo_uri.reveal(), "MONGO_URI=mongodb://localhost:27017/orders"),
            (self.window_seconds == 0).then(|| Problem::new("window_seconds", "must be above 0")),
        ];
        problems.into_iter().flatten().collect()
    }
}
