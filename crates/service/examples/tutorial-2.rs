//! The second step of the tutorial in the README, on any free port.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::settings::{Problem, Sections};
use service::{Error, Exit, Scope, Section, Service};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// The section `[numbers]` of the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Numbers {
    /// How many numbers each connection gets in a minute
    rate_per_minute: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { rate_per_minute: 60.0 }
    }
}

impl Section for Numbers {
    const NAME: &'static str = "numbers";
    /// What may change while the program runs.
    const LIVE: &'static [&'static str] = &["rate_per_minute"];

    fn check(&self) -> Vec<Problem> {
        if self.rate_per_minute > 0.0 { vec![] } else { vec![Problem::new("rate_per_minute", "must be above 0")] }
    }
}

struct NumberServer;

impl Service for NumberServer {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<Numbers>()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        scope.listens_at(address);
        scope.ready(address);

        let stopping = scope.stopping();
        while let Some(accepted) = stopping.or(listener.accept()).await {
            let (mut socket, _) = accepted?;
            // When the rate changes, the tick that is being waited for is rescheduled.
            let mut beat = settings.every(|numbers| Duration::from_secs_f64(60.0 / numbers.rate_per_minute));
            scope.spawn("connection", async move {
                loop {
                    beat.tick().await;
                    let number = format!("{}\n", rand::random_range(0..=10));
                    if socket.write_all(number.as_bytes()).await.is_err() {
                        return Ok(()); // a client that disconnects is no failure of the server
                    }
                }
            });
        }
        Ok(())
    }
}

fn main() -> Exit {
    service::runner::main("numbers", Sections::new().with::<Numbers>(), || NumberServer)
}
