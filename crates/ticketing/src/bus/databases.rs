//! The databases of the services, for the commands that look into them.

use anyhow::{Context, bail};
use clap::Args;
use common::store::{Connection, Store};
use service::settings::Secret;
use service::{Error, Scope};

use crate::databases::in_database;
use crate::options::secret;

/// Which MongoDB.
#[derive(Clone, Debug, Args)]
pub(super) struct Databases {
    /// The MongoDB: the database NAME of one service, or, of the whole application, what its databases' names begin with
    #[arg(long, env = "MONGO_URI", value_name = "mongodb://HOST/NAME", hide_env_values = true, value_parser = secret)]
    mongo_uri: Secret,
}

impl Databases {
    async fn store<H>(&self, scope: &Scope<H>) -> Result<Store, Error> {
        let uri = in_database(&self.mongo_uri, str::to_owned)?;
        scope.child("mongo").start(Connection { uri }).await.context("no MongoDB answers: name it with --mongo-uri")
    }

    /// Those with an outbox: NAME, and all whose names begin with `NAME-`.
    pub(super) async fn with_outbox<H>(&self, scope: &Scope<H>) -> Result<Vec<Store>, Error> {
        let store = self.store(scope).await?;
        let base = store.database().name().to_owned();
        let all = store.database().client().list_database_names().await.context("asking for the databases")?;
        let mut found = Vec::new();
        for name in all.iter().filter(|name| **name == base || name.starts_with(&format!("{base}-"))) {
            let beside = store.beside(name);
            let collections = beside.database().list_collection_names().await.context("asking for the collections")?;
            if collections.iter().any(|collection| collection == "outbox") {
                found.push(beside);
            }
        }
        if found.is_empty() {
            bail!("no database {base} or {base}-* has an outbox: name another with --mongo-uri mongodb://HOST/NAME");
        }
        Ok(found)
    }

    /// That of one service: NAME, if that is what the service is called, or `NAME-service`.
    pub(super) async fn of<H>(&self, service: &str, scope: &Scope<H>) -> Result<Store, Error> {
        let store = self.store(scope).await?;
        let base = store.database().name();
        Ok(if base == service { store } else { store.beside(&format!("{base}-{service}")) })
    }
}
