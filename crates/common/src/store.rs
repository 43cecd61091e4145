//! The connection to a service's own database.

use std::time::Duration;

use anyhow::Context;
use mongodb::bson::doc;
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use service::settings::Secret;
use service::{Error, Scope, Service};
use tokio::time::sleep;

/// How long an operation looks for a server that answers.
const FOUND_WITHIN: Duration = Duration::from_secs(2);

/// The pause between two attempts to reach a database that is away.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A connection to MongoDB; its handle is the database that the URI names.
///
/// It becomes ready when the database answers, however long that takes; later the driver connects again by itself.
#[derive(Clone, Debug)]
pub struct Store {
    /// `mongodb://host:port/database`.
    pub uri: Secret,
}

impl Service for Store {
    type Handle = Database;

    async fn run(self, scope: Scope<Database>) -> Result<(), Error> {
        let mut options = ClientOptions::parse(self.uri.reveal())
            .await
            .context("the URI of the database will not do; it looks like mongodb://localhost:27017/auth (MONGO_URI)")?;
        options.server_selection_timeout = Some(FOUND_WITHIN);
        // What was answered must outlive a database that is killed: on the disks of most, before we hear of it.
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        options.read_concern = Some(ReadConcern::majority());
        let name =
            options.default_database.clone().context("the URI of the database names none: mongodb://host/NAME")?;
        let client = Client::with_options(options)?;
        let database = client.database(&name);
        let stopping = scope.stopping();
        loop {
            let ping = async { database.run_command(doc! { "ping": 1 }).await };
            let Some(answer) = stopping.or(ping).await else { return Ok(()) };
            match answer {
                Ok(_) => break,
                Err(error) => tracing::warn!("the database does not answer yet: {error}"),
            }
            stopping.or(sleep(AGAIN_AFTER)).await;
        }
        scope.ready(database);
        stopping.await;
        client.shutdown().await;
        Ok(())
    }
}
