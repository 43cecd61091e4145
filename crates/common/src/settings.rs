//! The settings that all APIs share, with the course's variables.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Problem, Secret, required};

use crate::proxies::TrustedProxies;

/// The section `[http]`, of every service with an API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// The address that the API listens on
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// How long a request may take until it is answered with 503, in seconds; at least 10, since what it does has limits of
    /// 5 s itself
    pub request_limit_seconds: u32,
    /// The proxies that are believed what X-Forwarded-Proto and X-Forwarded-For say: addresses and ranges of addresses, with
    /// commas; empty if there are none
    #[schemars(with = "String")]
    pub trusted_proxies: TrustedProxies,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let bind = SocketAddr::from(([127, 0, 0, 1], 3000));
        Self { bind, request_limit_seconds: 30, trusted_proxies: TrustedProxies::default() }
    }
}

impl Section for HttpSettings {
    const NAME: &'static str = "http";
    const LIVE: &'static [&'static str] = &["request_limit_seconds", "trusted_proxies"];

    fn check(&self) -> Vec<Problem> {
        let limits = 10..=60 * 60;
        let is_invalid = !limits.contains(&self.request_limit_seconds);
        let problem = || Problem::new("request_limit_seconds", "must be 10 to 3600: HTTP__REQUEST_LIMIT_SECONDS=30");
        is_invalid.then(problem).into_iter().collect()
    }
}

/// The section `[session]`, of every service that knows who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// The key that sessions are signed with, the same for all services
    pub jwt_key: Secret,
}

impl Section for SessionSettings {
    const NAME: &'static str = "session";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("JWT_KEY", "jwt_key")];

    fn check(&self) -> Vec<Problem> {
        let is_set = !self.jwt_key.reveal().is_empty();
        required("jwt_key", is_set, "JWT_KEY=some-long-secret").into_iter().collect()
    }
}
