//! Random numbers over TCP, one a line: "nc localhost 7776" shows them.

mod client;
mod server;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

pub use self::client::{Feed, NumberClient, PrintNumbers};
pub use self::server::NumberServer;

/// The rates that are a beat: slower is never, faster is a busy loop.
const RATES: RangeInclusive<f64> = 0.001..=60_000.0;

/// The settings of the number server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Numbers {
    /// Where to listen
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// How many numbers a minute each connection gets; 0.001 to 60000
    pub rate_per_minute: f64,
}

impl Numbers {
    /// The time from one number to the next.
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

/// The settings of the number client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Where the number server is, as host:port
    pub server: String,
    /// After how many seconds without a number the connection is taken for dead
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
