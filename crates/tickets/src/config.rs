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
    Sections::new().with::<TicketsSettings>().with::<NatsSettings>().with::<TelemetrySettings>()
}

/// The section `[tickets]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TicketsSettings {
    /// Where the API listens
    #[schemars(with = "String")]
    pub(crate) bind: SocketAddr,
    /// The key that sessions are signed with, the same for all services
    pub(crate) jwt_key: Secret,
    /// The database, as mongodb://host:port/database
    pub(crate) mongo_uri: Secret,
}

impl Default for TicketsSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3000)),
            jwt_key: Secret::default(),
            mongo_uri: Secret::default(),
        }
    }
}

impl Section for TicketsSettings {
    const NAME: &'static str = "tickets";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("JWT_KEY", "jwt_key"), ("MONGO_URI", "mongo_uri")];

    fn check(&self) -> Vec<Problem> {
        let problems = [
            required::<String>("jwt_key", self.jwt_key.reveal(), "JWT_KEY=some-long-secret"),
            required::<String>("mongo_uri", self.mongo_uri.reveal(), "MONGO_URI=mongodb://localhost:27017/tickets"),
        ];
        problems.into_iter().flatten().collect()
    }
}
