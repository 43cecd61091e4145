//! The third step of the tutorial in the README, on any free port.
#![expect(clippy::print_stdout, reason = "a reader watches what it receives")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::settings::{Problem, Sections};
use service::{Error, Exit, Restart, Scope, Section, Service};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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
                // Networks are not reliable, and neither is this server: a connection ends after three numbers.
                for _ in 0..3 {
                    beat.tick().await;
                    let number = format!("{}\n", rand::random_range(0..=10));
                    if socket.write_all(number.as_bytes()).await.is_err() {
                        return Ok(()); // a client that disconnects is no failure of the server
                    }
                }
                Ok(())
            });
        }
        Ok(())
    }
}

/// Prints the numbers of a server, and fails when the connection ends.
struct NumberClient {
    server: SocketAddr,
}

impl Service for NumberClient {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let mut numbers = BufReader::new(TcpStream::connect(self.server).await?).lines();
        scope.ready(());
        let stopping = scope.stopping();
        while let Some(number) = stopping.or(numbers.next_line()).await {
            let number = number?.ok_or_else(|| io::Error::other("the server has closed the connection"))?;
            println!("received {number}");
        }
        Ok(())
    }
}

/// The server, and a client of it.
struct Both;

impl Service for Both {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        // A child is started when the one before it is ready, and gets what it needs: the handle of that one.
        let server = scope.start("server", NumberServer).await?;
        // To connect again is not code of the client, but a policy of its parent.
        scope.child("client").restart(Restart::always()).start(move || NumberClient { server }).await?;
        scope.ready(server);
        scope.stopping().await;
        Ok(()) // now the client is stopped, then the server
    }
}

fn main() -> Exit {
    service::runner::main("numbers", Sections::new().with::<Numbers>(), || Both)
}
