//! The servers: existing ones that the options name, or our own.

use std::path::Path;

use anyhow::Context;
use bus::{Connection, ServerUrl};
use futures_util::try_join;
use service::settings::Secret;
use service::{Error, Members, Scope};

use crate::options::Run;
use crate::own_servers::{own_mongo, own_nats};
use operator::uri_for;

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
