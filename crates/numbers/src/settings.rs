//! The settings sections of the server and of the client.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

/// The accepted rates, in numbers per minute: a slower one would never send, a faster one would be a busy loop.
const RATES: RangeInclusive<f64> = 0.001..=60_000.0;

/// Settings of the number server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Numbers {
    /// Address to listen on
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// Numbers per minute for each connection; 0.001 to 60000
    pub rate_per_minute: f64,
}

impl Numbers {
    /// The time between two numbers.
    pub fn period(&self) -> Duration {
        Duration::from_secs_f64(60.0 / self.rate_per_minute)
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 7776)), rate_per_minute: 60.0 }
    }
}

impl Section for Numbers {
    const NAME: &'static str = "numbers";
    const LIVE: &'static [&'static str] = &["rate_per_minute"];

    fn check(&self) -> Vec<Problem> {
        let fine = RATES.contains(&self.rate_per_minute);
        if fine { Vec::new() } else { vec![Problem::new("rate_per_minute", "must be from 0.001 to 60000")] }
    }
}

/// Settings of the number client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Address of the number server, as host:port
    pub server: String,
    /// Seconds without a number after which the connection is considered dead; above 0
    pub silence_seconds: u32,
}

impl Default for Source {
    fn default() -> Self {
        Self { server: "127.0.0.1:7776".to_owned(), silence_seconds: 180 }
    }
}

impl Section for Source {
    const NAME: &'static str = "source";

    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let port = self.server.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port));
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            problems.push(Problem::new("server", "must be host:port"));
        }
        if self.silence_seconds == 0 {
            problems.push(Problem::new("silence_seconds", "must be above 0"));
        }
        problems
    }
}
