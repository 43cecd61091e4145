//! The settings of a service's connection, with the course's environment variables.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::settings::{Problem, parsed, required};
use service::{Error, Section};

use crate::{Connection, Name, ServerUrl};

const URL_EXAMPLE: &str = "NATS_URL=nats://localhost:4222";
const CLUSTER_ID_EXAMPLE: &str = "NATS_CLUSTER_ID=ticketing";
/// [`PROGRAM`](service::settings::PROGRAM) is replaced by the name of the service.
const CLIENT_ID_EXAMPLE: &str = "NATS_CLIENT_ID={program}-1";

/// The section `[nats]`, of every service that publishes or listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// The broker, as nats://host:port, or several servers of one cluster with commas; shown without user and password
    #[serde(deserialize_with = "url")]
    #[schemars(with = "String")]
    pub url: Option<ServerUrl>,
    /// The cluster whose events these are; the name of the stream
    #[serde(deserialize_with = "cluster_id")]
    #[schemars(with = "String")]
    pub cluster_id: Option<Name>,
    /// The name of this process at the broker, which no other process has
    #[serde(deserialize_with = "client_id")]
    #[schemars(with = "String")]
    pub client_id: Option<Name>,
    /// On how many servers of a NATS cluster every event is stored: 1, 3 or 5
    pub replicas: u8,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self { url: None, cluster_id: None, client_id: None, replicas: 1 }
    }
}

impl Section for NatsSettings {
    const NAME: &'static str = "nats";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[
        ("NATS_URL", "url"),
        ("NATS_CLUSTER_ID", "cluster_id"),
        ("NATS_CLIENT_ID", "client_id"),
        ("NATS_REPLICAS", "replicas"),
    ];

    fn check(&self) -> Vec<Problem> {
        let is_odd_and_possible = matches!(self.replicas, 1 | 3 | 5);
        let problems = [
            required("url", self.url.is_some(), URL_EXAMPLE),
            required("cluster_id", self.cluster_id.is_some(), CLUSTER_ID_EXAMPLE),
            required("client_id", self.client_id.is_some(), CLIENT_ID_EXAMPLE),
            (!is_odd_and_possible).then(|| Problem::new("replicas", "must be 1, 3 or 5: NATS_REPLICAS=3")),
        ];
        problems.into_iter().flatten().collect()
    }
}

impl NatsSettings {
    /// The connection that these settings describe.
    ///
    /// # Errors
    ///
    /// When one of them is missing, which loading the settings refuses.
    pub(crate) fn connection(&self) -> Result<Connection, Error> {
        let url = self.url.clone().with_context(|| format!("nats.url must be set: {URL_EXAMPLE}"))?;
        let cluster_id =
            self.cluster_id.clone().with_context(|| format!("nats.cluster_id must be set: {CLUSTER_ID_EXAMPLE}"))?;
        let client_id = self.client_id.clone().context("nats.client_id must be set")?;
        Ok(Connection { replicas: self.replicas, ..Connection::new(url, cluster_id, client_id) })
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ServerUrl>, D::Error> {
    parsed(deserializer, URL_EXAMPLE)
}

fn cluster_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    parsed(deserializer, CLUSTER_ID_EXAMPLE)
}

fn client_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    parsed(deserializer, CLIENT_ID_EXAMPLE)
}
