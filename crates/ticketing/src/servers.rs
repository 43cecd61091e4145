//! The servers: those that run, or our own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use common::bus::ServerUrl;
use devstack::{Mongod, NatsServer, Sources, Tool, find};
use futures_util::try_join;
use service::settings::Secret;
use service::{Error, Scope};

use crate::options::Run;

const NATS: u16 = 4222;
const MONITORING: u16 = 8222;
const MONGO: u16 = 27017;

/// Where the servers are.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) nats: ServerUrl,
    /// The broker's own pages, when it is ours.
    pub(crate) monitoring: Option<String>,
    pub(crate) mongo: Secret,
    /// What to print of that: no password.
    pub(crate) mongo_shown: String,
}

/// Which ports to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    /// Those where everybody looks for the servers, unless they are busy.
    Usual,
    /// Any free ones.
    Free,
}

impl From<&Run> for Ports {
    fn from(run: &Run) -> Self {
        if run.free_ports { Self::Free } else { Self::Usual }
    }
}

/// Starts the servers that are not named by the options, with their data in the folder.
pub(crate) async fn start<H>(scope: &Scope<H>, run: &Run, folder: &Path) -> Result<Servers, Error> {
    let ports = Ports::from(run);
    let nats = async {
        match &run.nats_url {
            Some(url) => Ok((url.clone(), None)),
            None => own_nats(scope, ports, folder).await,
        }
    };
    let mongo = async {
        match &run.mongo_uri {
            Some(uri) => Ok((uri.clone(), "yours (MONGO_URI)".to_owned())),
            None => own_mongo(scope, ports, folder).await,
        }
    };
    let ((nats, monitoring), (mongo, mongo_shown)) = try_join!(nats, mongo)?;
    Ok(Servers { nats, monitoring, mongo, mongo_shown })
}

async fn own_nats<H>(scope: &Scope<H>, ports: Ports, folder: &Path) -> Result<(ServerUrl, Option<String>), Error> {
    let tool = Tool::NATS_SERVER;
    let binary = find(&tool, &Sources::from_env(&tool)?).await?;
    let (port, monitoring_port) = (free(ports, "NATS", NATS), free(ports, "NATS's monitoring", MONITORING));
    let server = NatsServer { binary, data: folder.join("nats"), port, monitoring_port };
    let address = scope.start("nats-server", server).await?;
    Ok((address.url.parse()?, Some(address.monitoring)))
}

async fn own_mongo<H>(scope: &Scope<H>, ports: Ports, folder: &Path) -> Result<(Secret, String), Error> {
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool)?).await?;
    let server = Mongod { binary, data: folder.join("mongo"), port: free(ports, "MongoDB", MONGO) };
    let address = scope.start("mongod", server).await?;
    Ok((address.uri.clone().into(), address.uri))
}

/// The usual port, or 0 for any when it is busy.
fn free(ports: Ports, whose: &str, usual: u16) -> u16 {
    match ports {
        Ports::Free => 0,
        Ports::Usual if TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).is_ok() => usual,
        Ports::Usual => {
            tracing::warn!("port {usual} of {whose} is busy: taking a free one");
            0
        }
    }
}
