//! The monitoring pages of NATS Streaming, for this bus.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use nats_test::{client, console, monitor};
use service::http::Http;
use service::{Error, Exit, Scope, Service};

/// Shows who listens to what: a page for people, and the JSON pages that NATS Streaming had.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Monitor {
    #[command(flatten)]
    broker: client::Broker,
    /// Where to show it; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8223")]
    bind: SocketAddr,
}

impl Service for Monitor {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = client::connect_unregistered(&scope, self.broker, client::random_id()).await?;
        let bytes = scope.start("tally", monitor::Tally { bus: bus.clone() }).await?;
        let router = monitor::router(bus, bytes);
        let address = scope.start("http", Http { bind: self.bind, router, drain_delay: Duration::ZERO }).await?;
        let told = console::say(format_args!(
            "The monitor is at http://{address}, as JSON at http://{address}/streaming/channelsz?subs=1"
        ));
        if let Err(error) = told {
            return console::ended(error.into());
        }
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}

fn main() -> Exit {
    console::main::<Monitor>("monitor")
}
