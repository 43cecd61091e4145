//! The servers that the application starts itself. One that ends unasked is started again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bus::ServerUrl;
use devstack::{Mongod, NatsServer};
use operator::application_uri;
use service::{Error, Members, Restart};
use store::DatabaseUri;

use crate::port::Port;

const NATS: u16 = 4222;
const MONITORING: u16 = 8222;
const MONGO: u16 = 27017;

/// Longer than a killed server takes to recover its data on a laptop under load.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How often a server that ends unasked is started again, until the application ends with its reason.
fn restart() -> Restart {
    Restart::at_most(5, Duration::from_secs(60)).once_ready()
}

/// Starts a nats-server with its data in the folder; returns its URL and the address of its own pages.
pub(crate) async fn own_nats(
    scope: &Members,
    any: bool,
    binary: PathBuf,
    folder: &Path,
) -> Result<(ServerUrl, Option<String>), Error> {
    let (port, monitoring) = (Port::choose(NATS, any), Port::choose(MONITORING, any));
    let first = (port.number(), monitoring.number());
    // Its clients know its address, so the next server takes the same.
    let taken = Arc::new(OnceLock::new());
    let (known, data) = (Arc::clone(&taken), folder.join("nats"));
    let make = move || {
        let (port, monitoring_port) = known.get().copied().unwrap_or(first);
        NatsServer { port, monitoring_port, ..NatsServer::on_free_ports(binary.clone(), data.clone()) }
    };
    let slot = scope.child("nats-server").ready_within(READY_WITHIN).restart(restart()).start(make).await?;
    let address = slot.wait().await?;
    taken.get_or_init(|| (address.port, address.monitoring_port));
    let url = &address.url;
    port.warn(format_args!("NATS is at {url}; give other commands --nats-url {url}"));
    monitoring.warn(format_args!("the monitoring pages of NATS are at {}", address.monitoring));
    Ok((url.parse()?, Some(address.monitoring)))
}

/// Starts a mongod with its data in the folder; returns its URI, and the same to be shown.
pub(crate) async fn own_mongo(
    scope: &Members,
    any: bool,
    binary: PathBuf,
    folder: &Path,
) -> Result<(DatabaseUri, String), Error> {
    let port = Port::choose(MONGO, any);
    let taken = Arc::new(OnceLock::new()); // as in own_nats
    let (known, data) = (Arc::clone(&taken), folder.join("mongo"));
    let make = move || {
        let port = known.get().copied().unwrap_or(port.number());
        Mongod { port, ..Mongod::on_a_free_port(binary.clone(), data.clone()) }
    };
    let slot = scope.child("mongod").ready_within(READY_WITHIN).restart(restart()).start(make).await?;
    let address = slot.wait().await?;
    taken.get_or_init(|| address.port);
    port.warn(format_args!("MongoDB is at {uri}; give other commands --mongo-uri '{uri}'", uri = address.uri));
    Ok((application_uri(&address.uri.clone().into())?, address.uri))
}
