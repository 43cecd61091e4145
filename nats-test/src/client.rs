//! Connecting to the broker, as every command but `server` does.

use anyhow::anyhow;
use clap::Args;
use common::bus::{Bus, Connection, Heartbeat, Name, Registration, ServerUrl, Unreachable};
use service::{Error, Failure, Scope};

/// Where the broker is, and whose events we want.
#[derive(Args, Clone, Debug)]
pub struct Broker {
    /// The NATS server
    #[arg(long, env = "NATS_URL", default_value = "nats://localhost:4222")]
    pub url: ServerUrl,
    /// The cluster id: the events of one cluster stand in a stream of this name
    #[arg(long, value_name = "NAME", default_value = "ticketing")]
    pub cluster_id: Name,
}

/// Connects under a client id that no other live process has.
///
/// # Errors
///
/// When there is no server, with how to get one; when it is not fit, or another's; when the id is in use.
pub async fn connect<H>(scope: &Scope<H>, broker: Broker, client_id: Name) -> Result<Bus, Error> {
    let Broker { url, cluster_id } = broker;
    let bus = scope.start("nats", Connection { url, cluster_id, client_id }).await.map_err(with_mend)?;
    scope.start("client-id", Registration { bus: bus.clone(), heartbeat: Heartbeat::default() }).await?;
    Ok(bus)
}

fn with_mend(error: Error) -> Error {
    match Failure::cause::<Unreachable>(&error) {
        None => error,
        Some(unreachable) => anyhow!(
            "{unreachable}; start one with `cargo run -p nats-test --bin server`, or forward the cluster's with \
             `kubectl port-forward service/nats-srv 4222:4222`, or name another with --url"
        ),
    }
}

/// A client id of 8 hex digits, different each time.
pub fn random_id() -> Name {
    let id = format!("{:08x}", rand::random::<u32>());
    id.parse().expect("hex digits make a name")
}
