//! The connection to a service's own database, as a service.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use service::settings::Secret;
use service::{Error, Scope, Service};
use tokio::time::{sleep, timeout};

use crate::error::plain;
use crate::{MongoSettings, Store};

/// How long an operation looks for a server that answers.
const FOUND_WITHIN: Duration = Duration::from_secs(2);

/// How often is looked whether the database answers, and how long an answer may take.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// A connection to MongoDB; its handle is the [`Store`] in the database that the URI names.
///
/// It becomes ready when the database answers, however long that takes: start it with
/// [`ready_within`](service::Child::ready_within). Later the driver connects again by itself; while no server takes
/// writes, it is shown as waiting.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `mongodb://host:port/database`.
    pub uri: Secret,
}

/// Connects a service to the database of its [settings](MongoSettings), however long that is away.
///
/// # Errors
///
/// When the database refuses the login or has no transactions; [`Stopped`](service::Stopped).
pub async fn connect<H>(scope: &Scope<H>) -> Result<Store, Error> {
    let uri = scope.settings::<MongoSettings>()?.get().uri.clone();
    // A database that is away keeps the service unready, and is not a failure.
    scope.child("store").wait_until_ready().start(Connection { uri }).await
}

impl Service for Connection {
    type Handle = Store;

    async fn run(self, scope: Scope<Store>) -> Result<(), Error> {
        let mut options = ClientOptions::parse(self.uri.reveal())
            .await
            .context("the URI of the database will not do; it looks like mongodb://localhost:27017/auth (MONGO_URI)")?;
        options.server_selection_timeout = Some(FOUND_WITHIN);
        options.write_concern = Some(durable());
        options.read_concern = Some(ReadConcern::majority());
        let name =
            options.default_database.clone().context("the URI of the database names none: mongodb://host/NAME")?;
        let client = Client::with_options(options)?;
        let store = Store::new(client.database(&name));
        let stopping = scope.stopping();
        let database = store.database().clone();
        let first = database.clone();
        let first = async move || hello(&first).await;
        let Some(answer) = stopping.or(store.once_it_answers("the database", first)).await else { return Ok(()) };
        let answer = answer.map_err(|error| anyhow!("the database refuses us: {} (MONGO_URI)", plain(&error)))?;
        ensure!(
            takes_transactions(&answer),
            "the database takes no transactions, since it is no replica set: start it with mongod --replSet rs0, and \
             run rs.initiate() once (MONGO_URI)"
        );
        scope.ready(store);
        let looking = async {
            loop {
                match timeout(ANSWERS_WITHIN, hello(&database)).await {
                    Ok(Ok(answer)) if answer.get_bool("isWritablePrimary").unwrap_or(false) => scope.goes_on(),
                    Ok(Ok(_)) => scope.waits_for("mongo", "no server takes writes"),
                    Ok(Err(error)) => scope.waits_for("mongo", plain(&error)),
                    Err(_) => scope.waits_for("mongo", format_args!("no answer within {ANSWERS_WITHIN:?}")),
                }
                sleep(LOOK_EVERY).await;
            }
        };
        stopping.or(looking).await;
        client.shutdown().await;
        Ok(())
    }
}

/// What the server that takes writes says of itself.
async fn hello(database: &Database) -> mongodb::error::Result<Document> {
    database.run_command(doc! { "hello": 1 }).await
}

/// Whether it is a replica set, or a router before some. One that is not initiated yet becomes one.
fn takes_transactions(hello: &Document) -> bool {
    ["setName", "isreplicaset"].iter().any(|key| hello.contains_key(key))
        || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}

/// What was answered must outlive a database that is killed: on the disks of most members, before we hear of it.
pub(crate) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}
