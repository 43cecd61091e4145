//! The servers: existing ones that the options name, or our own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::Context;
use bus::{Connection, ServerUrl};
use devstack::{Mongod, NatsServer, Sources, Tool, find};
use futures_util::try_join;
use service::settings::Secret;
use service::{Error, Members, Scope};

use crate::options::Run;
use operator::uri_for;

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

/// Starts the servers that are not named by the options, with their data in the folder. They stop at the same moment.
pub(crate) async fn start<H>(scope: &Scope<H>, run: &Run, folder: &Path) -> Result<Servers, Error> {
    let (run, folder) = (run.clone(), folder.to_owned());
    scope.together("servers", async move |members: Members| start_both(&members, &run, &folder).await).await
}

async fn start_both(scope: &Members, run: &Run, folder: &Path) -> Result<Servers, Error> {
    let any = run.free_ports;
    let nats = async {
        match &run.nats_url {
            Some(url) => given_nats(scope, run, url).await,
            None => own_nats(scope, any, folder).await,
        }
    };
    let mongo = async {
        match &run.mongo_uri {
            Some(uri) => given_mongo(scope, uri).await,
            None => own_mongo(scope, any, folder).await,
        }
    };
    let ((nats, monitoring), (mongo, mongo_shown)) = try_join!(nats, mongo)?;
    Ok(Servers { nats, monitoring, mongo, mongo_shown })
}

/// Checks that a server answers there, before the services wait for it.
async fn given_nats(scope: &Members, run: &Run, url: &ServerUrl) -> Result<(ServerUrl, Option<String>), Error> {
    let connection = Connection::new(url.clone(), run.nats_cluster_id.clone(), run.nats_client_id.clone());
    let remedy = "start that NATS server, or unset --nats-url / NATS_URL";
    scope.start("nats", connection).await.context(remedy)?;
    Ok((url.clone(), None))
}

/// As [`given_nats`].
async fn given_mongo(scope: &Members, uri: &Secret) -> Result<(Secret, String), Error> {
    let connection = store::Connection { uri: uri_for("any", uri)?.reveal().parse().context("MONGO_URI")? };
    let remedy = "no MongoDB answers there: start it, or unset --mongo-uri / MONGO_URI";
    scope.start("mongo", connection).await.context(remedy)?;
    Ok((uri.clone(), "yours (MONGO_URI)".to_owned()))
}

async fn own_nats(scope: &Members, any: bool, folder: &Path) -> Result<(ServerUrl, Option<String>), Error> {
    let tool = Tool::NATS_SERVER;
    let binary = find(&tool, &Sources::from_env(&tool)?).await?;
    let (port, monitoring_port) = (free(any, "NATS", NATS), free(any, "NATS's monitoring", MONITORING));
    let server = NatsServer { port, monitoring_port, ..NatsServer::on_free_ports(binary, folder.join("nats")) };
    let address = scope.start("nats-server", server).await?;
    Ok((address.url.parse()?, Some(address.monitoring)))
}

async fn own_mongo(scope: &Members, any: bool, folder: &Path) -> Result<(Secret, String), Error> {
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool)?).await?;
    let port = free(any, "MongoDB", MONGO);
    let server = Mongod { port, ..Mongod::on_a_free_port(binary, folder.join("mongo")) };
    let address = scope.start("mongod", server).await?;
    Ok((address.uri.clone().into(), address.uri))
}

/// The usual port, or 0 for any: when that is wanted, or the usual one is busy.
fn free(any: bool, whose: &str, usual: u16) -> u16 {
    if any {
        return 0;
    }
    if TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).is_err() {
        tracing::warn!("port {usual} of {whose} is busy: taking a free one");
        return 0;
    }
    usual
}
