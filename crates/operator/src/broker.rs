//! Where the broker is.

use anyhow::anyhow;
use bus::{self, Connection, ErrorKind, Name, ServerUrl};
use clap::Args;
use service::{Error, Scope};

use crate::console::unless_stopped;

/// The broker of an application that runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Broker {
    /// The NATS server
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true, default_value = "nats://127.0.0.1:4222")]
    nats_url: ServerUrl,
    /// Whose events: the name of the stream
    #[arg(long, env = "NATS_CLUSTER_ID", value_name = "NAME", default_value = "ticketing")]
    nats_cluster_id: Name,
}

impl Broker {
    /// Connects, and leaves the streams as they are. It does not appear among the clients.
    pub(crate) async fn connect<H>(self, scope: &Scope<H>) -> Result<bus::Bus, Error> {
        let Self { nats_url, nats_cluster_id } = self;
        let client_id = format!("ticketing-bus-{:08x}", rand::random::<u32>()).parse()?;
        let connection = Connection::new(nats_url, nats_cluster_id, client_id);
        scope
            .start("nats", Connection { read_only: true, ..connection })
            .await
            .map_err(|error| with_mend(unless_stopped(error)))
    }
}

fn with_mend(error: Error) -> Error {
    match ErrorKind::of(&error) {
        Some(unreachable @ ErrorKind::Unreachable { .. }) => anyhow!(
            "{unreachable}; start the application with `cargo run`, or forward the cluster's server with `kubectl \
             port-forward service/nats-srv 4222:4222`, or name another with --nats-url"
        ),
        Some(missing @ ErrorKind::NoStream { .. }) => {
            anyhow!("{missing}: start the services, or see --nats-url and --nats-cluster-id")
        }
        _ => error,
    }
}
