//! How a service finds the broker, with the course's environment names.

use std::fmt::Display;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Problem, Secret};

use crate::{Name, ServerUrl};

/// The section `[nats]`, of every service that speaks or listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// The broker, as nats://host:port, or several of one cluster with commas
    pub url: Secret,
    /// Whose events: the name of the stream
    pub cluster_id: String,
    /// Who this process is to the broker, a name that no other has
    pub client_id: String,
    /// On how many servers of a NATS cluster every event is kept: 1, 3 or 5
    pub replicas: u8,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self { url: Secret::default(), cluster_id: String::new(), client_id: String::new(), replicas: 1 }
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
            required::<ServerUrl>("url", self.url.reveal(), "NATS_URL=nats://localhost:4222"),
            required::<Name>("cluster_id", &self.cluster_id, "NATS_CLUSTER_ID=ticketing"),
            required::<Name>("client_id", &self.client_id, "NATS_CLIENT_ID=tickets-1"),
            (!is_odd_and_possible).then(|| Problem::new("replicas", "must be 1, 3 or 5: NATS_REPLICAS=3")),
        ];
        problems.into_iter().flatten().collect()
    }
}

/// The problem with a setting that must be set, if there is one; `example` shows how to set it by its variable.
///
/// ```
/// use bus::{ServerUrl, required};
///
/// let missing = required::<ServerUrl>("nats_url", "", "NATS_URL=nats://localhost:4222").unwrap();
/// assert_eq!(missing.text, "must be set: NATS_URL=nats://localhost:4222");
/// ```
pub fn required<T: FromStr<Err: Display>>(key: &str, value: &str, example: &str) -> Option<Problem> {
    if value.is_empty() {
        return Some(Problem::new(key, format!("must be set: {example}")));
    }
    let error = value.parse::<T>().err()?;
    Some(Problem::new(key, format!("{error} ({example})")))
}
