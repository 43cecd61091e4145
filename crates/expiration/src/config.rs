//! The settings, with the course's environment names.

use common::bus::{Name, ServerUrl};
use common::config::required;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{NeedsRestart, Problem, Secret};

/// The section `[expiration]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpirationSettings {
    /// The broker, as nats://host:port; also the variable `NATS_URL`
    pub nats_url: Secret,
    /// Whose events: the name of the stream; also the variable `NATS_CLUSTER_ID`
    pub nats_cluster_id: String,
    /// Who this process is to the broker, a name that no other has; also the variable `NATS_CLIENT_ID`
    pub nats_client_id: String,
}

impl Section for ExpirationSettings {
    const NAME: &'static str = "expiration";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] =
        &[("NATS_URL", "nats_url"), ("NATS_CLUSTER_ID", "nats_cluster_id"), ("NATS_CLIENT_ID", "nats_client_id")];

    fn check(&self) -> Vec<Problem> {
        let problems = [
            required::<ServerUrl>("nats_url", self.nats_url.reveal(), "NATS_URL=nats://localhost:4222"),
            required::<Name>("nats_cluster_id", &self.nats_cluster_id, "NATS_CLUSTER_ID=ticketing"),
            required::<Name>("nats_client_id", &self.nats_client_id, "NATS_CLIENT_ID=expiration-1"),
        ];
        problems.into_iter().flatten().collect()
    }

    fn can_change(&self, new: &Self) -> Vec<NeedsRestart> {
        NeedsRestart::where_changed([
            (self.nats_url != new.nats_url, "nats_url"),
            (self.nats_cluster_id != new.nats_cluster_id, "nats_cluster_id"),
            (self.nats_client_id != new.nats_client_id, "nats_client_id"),
        ])
    }
}
