//! The settings, with the course's environment names.

use std::net::SocketAddr;

use common::bus::{Name, ServerUrl};
use common::config::required;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{NeedsRestart, Problem, Secret};

/// The section `[orders]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrdersSettings {
    /// Where the API listens
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// The key that sessions are signed with, the same for all services; also the variable `JWT_KEY`
    pub jwt_key: Secret,
    /// The database, as mongodb://host:port/database; also the variable `MONGO_URI`
    pub mongo_uri: Secret,
    /// The broker, as nats://host:port; also the variable `NATS_URL`
    pub nats_url: Secret,
    /// Whose events: the name of the stream; also the variable `NATS_CLUSTER_ID`
    pub nats_cluster_id: String,
    /// Who this process is to the broker, a name that no other has; also the variable `NATS_CLIENT_ID`
    pub nats_client_id: String,
    /// How long an order holds its ticket, in seconds; also the variable `ORDER_WINDOW_SECONDS`
    pub window_seconds: u32,
}

impl Default for OrdersSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3000)),
            jwt_key: Secret::default(),
            mongo_uri: Secret::default(),
            nats_url: Secret::default(),
            nats_cluster_id: String::new(),
            nats_client_id: String::new(),
            window_seconds: 900,
        }
    }
}

impl Section for OrdersSettings {
    const NAME: &'static str = "orders";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[
        ("JWT_KEY", "jwt_key"),
        ("MONGO_URI", "mongo_uri"),
        ("NATS_URL", "nats_url"),
        ("NATS_CLUSTER_ID", "nats_cluster_id"),
        ("NATS_CLIENT_ID", "nats_client_id"),
        ("ORDER_WINDOW_SECONDS", "window_seconds"),
    ];

    fn check(&self) -> Vec<Problem> {
        let problems = [
            required::<String>("jwt_key", self.jwt_key.reveal(), "JWT_KEY=some-long-secret"),
            required::<String>("mongo_uri", self.mongo_uri.reveal(), "MONGO_URI=mongodb://localhost:27017/orders"),
            required::<ServerUrl>("nats_url", self.nats_url.reveal(), "NATS_URL=nats://localhost:4222"),
            required::<Name>("nats_cluster_id", &self.nats_cluster_id, "NATS_CLUSTER_ID=ticketing"),
            required::<Name>("nats_client_id", &self.nats_client_id, "NATS_CLIENT_ID=orders-1"),
            (self.window_seconds == 0).then(|| Problem::new("window_seconds", "must be above 0")),
        ];
        problems.into_iter().flatten().collect()
    }

    fn can_change(&self, new: &Self) -> Vec<NeedsRestart> {
        NeedsRestart::where_changed([
            (self.bind != new.bind, "bind"),
            (self.jwt_key != new.jwt_key, "jwt_key"),
            (self.mongo_uri != new.mongo_uri, "mongo_uri"),
            (self.nats_url != new.nats_url, "nats_url"),
            (self.nats_cluster_id != new.nats_cluster_id, "nats_cluster_id"),
            (self.nats_client_id != new.nats_client_id, "nats_client_id"),
        ])
    }
}
