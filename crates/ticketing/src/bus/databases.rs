//! The databases of the services, for the commands that look into them.

use anyhow::{Context, bail};
use clap::Args;
use common::store::{Connection, Store};
use common::wiring::Wiring;
use service::settings::Secret;
use service::{Error, Scope};

use super::services;
use crate::databases::in_database;
use crate::options::secret;

/// Which MongoDB.
#[derive(Clone, Debug, Args)]
pub(super) struct Databases {
    /// The MongoDB: the database NAME of one service, or, of the whole application, what its databases' names begin with
    #[arg(long, env = "MONGO_URI", value_name = "mongodb://HOST/NAME", hide_env_values = true, default_value = "mongodb://127.0.0.1:27017/ticketing", value_parser = secret)]
    mongo_uri: Secret,
}

impl Databases {
    async fn store<H>(&self, scope: &Scope<H>) -> Result<Store, Error> {
        let uri = in_database(&self.mongo_uri, str::to_owned)?;
        scope.child("mongo").start(Connection { uri }).await.context("--mongo-uri")
    }

    /// Those with an outbox: NAME, and `NAME-service` of each service. What else is there is somebody else's.
    pub(super) async fn with_outbox<H>(&self, scope: &Scope<H>) -> Result<Vec<Store>, Error> {
        let store = self.store(scope).await?;
        let base = store.database().name().to_owned();
        let all = store.database().client().list_database_names().await.context("asking for the databases")?;
        let mut found = Vec::new();
        let ours = services().map(|Wiring { service, .. }| format!("{base}-{service}"));
        for name in all.iter().filter(|name| **name == base || ours.contains(name)) {
            let beside = store.beside(name);
            let collections = beside.database().list_collection_names().await.context("asking for the collections")?;
            if collections.iter().any(|collection| collection == "outbox") {
                found.push(beside);
            }
        }
        if found.is_empty() {
            bail!(
                "neither {base} nor a {base}-SERVICE has an outbox: name another with --mongo-uri mongodb://HOST/NAME"
            );
        }
        Ok(found)
    }

    /// That of one service: NAME, if that is what it is called, or `NAME-service`.
    pub(super) async fn of<H>(&self, service: &str, scope: &Scope<H>) -> Result<Store, Error> {
        let store = self.store(scope).await?;
        let base = store.database().name();
        let is_its_own = base == service || base.ends_with(&format!("-{service}"));
        let store = if is_its_own { store.clone() } else { store.beside(&format!("{base}-{service}")) };
        let collections = store.database().list_collection_names().await.context("asking for the collections")?;
        if !collections.iter().any(|collection| collection == "inbox") {
            let name = store.database().name();
            bail!("{name} is no database of {service}: name another with --mongo-uri mongodb://HOST/NAME");
        }
        Ok(store)
    }
}
