//! Connecting to the broker, as every command but `server` does.

use std::time::Duration;

use anyhow::anyhow;
use bus::{Bus, Connection, ErrorKind, Heartbeat, Name, Registration, ServerUrl};
use clap::Args;
use service::{Error, Scope};

use crate::time;

/// The address of the broker, and the cluster id.
#[derive(Args, Clone, Debug)]
pub struct Broker {
    /// The NATS server
    #[arg(long, env = "NATS_URL", hide_env_values = true, default_value = "nats://localhost:4222")]
    pub url: ServerUrl,
    /// The cluster id, which is the name of the stream of events
    #[arg(long, value_name = "NAME", default_value = "ticketing")]
    pub cluster_id: Name,
}

/// When the broker forgets a dead client: the settings that the course gives NATS Streaming's server. Here each client
/// sets the lifetime of its own entry in the registry.
#[derive(Args, Clone, Debug)]
pub struct Health {
    /// The time between two heartbeats
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::above_0)]
    hbi: Duration,
    /// How long a heartbeat may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::above_0)]
    hbt: Duration,
    /// How many heartbeats may fail; with one more the client is forgotten, at the earliest after 1s
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=1000))]
    hbf: u32,
}

/// Connects with a client id that no other live process uses.
///
/// # Errors
///
/// If there is no server, with a hint how to start one; if it is incompatible, or belongs to another cluster; if the id is
/// in use.
pub async fn connect<H>(scope: &Scope<H>, broker: Broker, client_id: Name, health: Health) -> Result<Bus, Error> {
    let bus = connect_unregistered(scope, broker, client_id).await?;
    let Health { hbi, hbt, hbf } = health;
    let heartbeat = Heartbeat { interval: hbi, timeout: hbt, failures: hbf };
    scope.start("client-id", Registration { bus: bus.clone(), heartbeat }).await?;
    Ok(bus)
}

/// As [`connect`], without registering the client id: for a tool that does not listen.
///
/// # Errors
///
/// If there is no server, with a hint how to start one; if it is incompatible, or belongs to another cluster.
pub async fn connect_unregistered<H>(scope: &Scope<H>, broker: Broker, client_id: Name) -> Result<Bus, Error> {
    let Broker { url, cluster_id } = broker;
    scope.start("nats", Connection::new(url, cluster_id, client_id)).await.map_err(with_hint)
}

fn with_hint(error: Error) -> Error {
    match ErrorKind::of(&error) {
        Some(unreachable @ ErrorKind::Unreachable { .. }) => anyhow!(
            "{unreachable}; start one with `cargo run --bin server`, or forward the cluster's with \
             `kubectl port-forward service/nats-srv 4222:4222`, or name another with --url"
        ),
        _ => error,
    }
}

/// A client id of 8 hex digits, different each time.
pub fn random_id() -> Name {
    let id = format!("{:08x}", rand::random::<u32>());
    id.parse().expect("hex digits make a name")
}
