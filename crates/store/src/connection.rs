//! The connection to a service's own database, as a service.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Database};
use service::{Error, Scope, Service};
use tokio::time::timeout;

use crate::error::plain;
use crate::servers::Servers;
use crate::settings::UNSET;
use crate::{DatabaseUri, MongoSettings, Store};

/// How long an operation searches for a server that takes it.
const SERVER_FOUND_WITHIN: Duration = Duration::from_secs(2);

/// The pause between two checks whether a server takes writes, and how long its answer may take.
const CHECK_EVERY: Duration = Duration::from_secs(1);
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// A connection to MongoDB; its handle is the [`Store`] in the database that the URI names.
///
/// It becomes ready when the database answers, however long that takes: start it with
/// [`ready_within`](service::Child::ready_within). Later the driver reconnects by itself; while no server takes writes,
/// the service is shown as waiting.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The server and the name of the database.
    pub uri: DatabaseUri,
}

/// As [`Connection`], for a program that is of no use while its database is away: then it fails with [`Away`].
#[derive(Clone, Debug)]
pub struct PromptConnection {
    /// The server and the name of the database.
    pub uri: DatabaseUri,
    /// How long the database may be away.
    pub within: Duration,
}

/// No server of the database takes writes.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no MongoDB that takes writes answers at {reasons}")]
pub struct Away {
    /// The address of each server without a login, with its last problem.
    pub reasons: String,
}

/// Connects a service to the database of its [settings](MongoSettings), however long that is away.
///
/// # Errors
///
/// When the database refuses the login or has no transactions; [`Stopped`](service::Stopped).
pub async fn connect<H>(scope: &Scope<H>) -> Result<Store, Error> {
    let uri = scope.settings::<MongoSettings>()?.get().uri.clone().context(UNSET)?;
    // A database that is away keeps the service unready, and is not a failure.
    scope.child("store").wait_until_ready().start(Connection { uri }).await
}

impl Service for Connection {
    type Handle = Store;

    async fn run(self, scope: Scope<Store>) -> Result<(), Error> {
        run(&self.uri, None, scope).await
    }
}

impl Service for PromptConnection {
    type Handle = Store;

    async fn run(self, scope: Scope<Store>) -> Result<(), Error> {
        run(&self.uri, Some(self.within), scope).await
    }
}

async fn run(uri: &DatabaseUri, within: Option<Duration>, scope: Scope<Store>) -> Result<(), Error> {
    let options = ClientOptions::parse(uri.connection()).await.map_err(|error| refused(&plain(&error)))?;
    let mut options = with_our_guarantees(options);
    let servers = Servers::watch(&mut options);
    let client = Client::with_options(options).map_err(|error| refused(&plain(&error)))?;
    let store = Store::new(client.database(uri.database()), servers.clone());
    let database = store.database().clone();
    let first = database.clone();
    let answer = store.once_it_answers("the database", async move || hello(&first).await);
    let answer = async {
        match within {
            None => Ok(answer.await),
            Some(within) => timeout(within, answer).await.map_err(|_| {
                let reasons = servers.reasons();
                Away { reasons: reasons.unwrap_or_else(|| format!("{}: no answer yet", uri.hosts())) }
            }),
        }
    };
    let answer = scope.stopping().or_stop(answer).await??.map_err(|error| refused(&servers.plain(&error)))?;
    ensure!(
        is_of_a_replica_set(&answer),
        "the database has no transactions, since it is not a replica set: start it with mongod --replSet rs0, and run \
         rs.initiate() once (MONGO_URI)"
    );
    scope.ready(store);
    scope.watch("mongo", CHECK_EVERY, ANSWERS_WITHIN, || takes_writes(&database, &servers)).await;
    client.shutdown().await;
    Ok(())
}

fn with_our_guarantees(mut options: ClientOptions) -> ClientOptions {
    options.server_selection_timeout = Some(SERVER_FOUND_WITHIN);
    options.write_concern = Some(durable());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    (options.retry_reads, options.retry_writes) = (Some(true), Some(true));
    options
}

/// A write is confirmed when it is on the disks of most members: it must outlive a database that is killed.
pub(crate) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

fn refused(why: &str) -> Error {
    anyhow!("the database refuses the connection: {why} (MONGO_URI)")
}

/// What the server that takes writes reports about itself.
async fn hello(database: &Database) -> mongodb::error::Result<Document> {
    database.run_command(doc! { "hello": 1 }).await
}

async fn takes_writes(database: &Database, servers: &Servers) -> Result<(), String> {
    let answer = hello(database).await.map_err(|error| servers.plain(&error))?;
    let is_primary = answer.get_bool("isWritablePrimary").unwrap_or(false);
    if is_primary { Ok(()) } else { Err("no server takes writes".to_owned()) }
}

/// Whether the server is a member of a replica set, also of one that is not initiated yet, or a router in front of some.
fn is_of_a_replica_set(hello: &Document) -> bool {
    ["setName", "isreplicaset"].iter().any(|key| hello.contains_key(key))
        || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}

#[cfg(test)]
mod tests {
    use mongodb::options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria};

    use super::{SERVER_FOUND_WITHIN, durable, with_our_guarantees};
    use crate::DatabaseUri;

    #[tokio::test]
    async fn no_option_of_a_uri_weakens_what_the_services_promise() {
        for options in [
            "",
            "?w=0",
            "?w=1&journal=false&wtimeoutMS=1",
            "?W=majority&readPreference=secondary&readConcernLevel=local",
            "?readpreference=nearest&maxStalenessSeconds=120&retryWrites=false&retryReads=false",
            "?readConcernLevel=available&serverSelectionTimeoutMS=60000",
        ] {
            let uri: DatabaseUri = format!("mongodb://h/shop{options}").parse().unwrap();
            let options = with_our_guarantees(ClientOptions::parse(uri.connection()).await.unwrap());
            assert_eq!(options.write_concern, Some(durable()));
            assert_eq!(options.read_concern, Some(ReadConcern::majority()));
            let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
            assert_eq!(options.selection_criteria, Some(primary));
            assert_eq!((options.retry_reads, options.retry_writes), (Some(true), Some(true)));
            assert_eq!(options.server_selection_timeout, Some(SERVER_FOUND_WITHIN));
        }
    }
}
