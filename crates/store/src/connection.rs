//! The connection to a service's own database, as a service.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use service::{Error, Scope, Service};

use crate::error::plain;
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
        let options = ClientOptions::parse(self.uri.connection()).await.map_err(|error| refused(&error))?;
        let client = Client::with_options(with_our_guarantees(options))?;
        let store = Store::new(client.database(self.uri.database()));
        let database = store.database().clone();
        let first = database.clone();
        let answer = store.once_it_answers("the database", async move || hello(&first).await);
        let answer = scope.stopping().or_stop(answer).await?.map_err(|error| refused(&error))?;
        ensure!(
            is_of_a_replica_set(&answer),
            "the database has no transactions, since it is not a replica set: start it with mongod --replSet rs0, and \
             run rs.initiate() once (MONGO_URI)"
        );
        scope.ready(store);
        scope.watch("mongo", CHECK_EVERY, ANSWERS_WITHIN, || takes_writes(&database)).await;
        client.shutdown().await;
        Ok(())
    }
}

fn with_our_guarantees(mut options: ClientOptions) -> ClientOptions {
    options.server_selection_timeout = Some(SERVER_FOUND_WITHIN);
    options.write_concern = Some(durable());
    options.read_concern = Some(ReadConcern::majority());
    options
}

/// A write is confirmed when it is on the disks of most members: it must outlive a database that is killed.
pub(crate) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

fn refused(error: &mongodb::error::Error) -> Error {
    anyhow!("the database refuses the connection: {} (MONGO_URI)", plain(error))
}

/// What the server that takes writes reports about itself.
async fn hello(database: &Database) -> mongodb::error::Result<Document> {
    database.run_command(doc! { "hello": 1 }).await
}

async fn takes_writes(database: &Database) -> Result<(), String> {
    let answer = hello(database).await.map_err(|error| plain(&error))?;
    let is_primary = answer.get_bool("isWritablePrimary").unwrap_or(false);
    if is_primary { Ok(()) } else { Err("no server takes writes".to_owned()) }
}

/// Whether the server is a member of a replica set, also of one that is not initiated yet, or a router in front of some.
fn is_of_a_replica_set(hello: &Document) -> bool {
    ["setName", "isreplicaset"].iter().any(|key| hello.contains_key(key))
        || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}
