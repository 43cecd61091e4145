//! The servers: existing ones that the options name, or our own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bus::{Connection, ServerUrl};
use devstack::{Console, Sources, Tool, find};
use futures_util::{join, try_join};
use service::settings::Secret;
use service::{Error, Failure, Members, Scope};
use store::{Away, DatabaseUri, PromptConnection};

use crate::options::Run;
use crate::own_servers::{own_mongo, own_nats};
use operator::application_uri;

/// How long a MongoDB that was named may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Where the servers are.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) nats: ServerUrl,
    /// The broker's own pages, when it is ours.
    pub(crate) monitoring: Option<String>,
    /// The URI whose database is the prefix of all services' databases.
    pub(crate) mongo: DatabaseUri,
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
    // Both are found before one is started: a person who has to install them learns of both at once.
    let console = Console::default();
    let found = join!(
        found(run.nats_url.as_ref(), Tool::NATS_SERVER, &console),
        found(run.mongo_uri.as_ref(), Tool::MONGOD, &console)
    );
    let (nats, mongo) = match found {
        (Err(nats), Err(mongo)) => bail!("{nats:#}\n{mongo:#}"),
        (nats, mongo) => (nats?, mongo?),
    };
    let nats = async {
        match nats {
            Server::Given(url) => given_nats(scope, run, url).await,
            Server::Own(binary) => own_nats(scope, any, binary, folder).await,
        }
    };
    let mongo = async {
        match mongo {
            Server::Given(uri) => given_mongo(scope, uri).await,
            Server::Own(binary) => own_mongo(scope, any, binary, folder).await,
        }
    };
    let ((nats, monitoring), (mongo, mongo_shown)) = try_join!(nats, mongo)?;
    Ok(Servers { nats, monitoring, mongo, mongo_shown })
}

/// A server at an address that the options name, or one to start.
enum Server<A> {
    Given(A),
    Own(PathBuf),
}

/// The given address, or else the binary of a server to start; fetched first if necessary.
async fn found<A>(given: Option<A>, tool: Tool, console: &Console) -> Result<Server<A>, Error> {
    match given {
        Some(address) => Ok(Server::Given(address)),
        None => {
            let sources = Sources { console: console.clone(), ..Sources::from_env(&tool)? };
            Ok(Server::Own(find(&tool, &sources).await?))
        }
    }
}

/// Checks that a server answers there, before the services wait for it.
async fn given_nats(scope: &Members, run: &Run, url: &ServerUrl) -> Result<(ServerUrl, Option<String>), Error> {
    let connection = Connection::new(url.clone(), run.nats_cluster_id.clone(), run.nats_client_id.clone());
    let remedy = "start that NATS server, or unset --nats-url / NATS_URL";
    scope.start("nats", connection).await.context(remedy)?;
    Ok((url.clone(), None))
}

/// As [`given_nats`].
async fn given_mongo(scope: &Members, uri: &Secret) -> Result<(DatabaseUri, String), Error> {
    let uri = application_uri(uri).context("--mongo-uri / MONGO_URI")?;
    let connection = PromptConnection { uri: uri.clone(), within: ANSWERS_WITHIN };
    scope.start("mongo", connection).await.map_err(|error| match Failure::cause::<Away>(&error) {
        Some(away) => anyhow!("{away}; start it, or unset --mongo-uri / MONGO_URI"),
        None => error,
    })?;
    Ok((uri, "yours (MONGO_URI)".to_owned()))
}
