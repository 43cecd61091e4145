//! The databases of the services, for the commands that read them.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use common::Declaration;
use events::Subject;
use service::settings::Secret;
use service::{Error, Failure, Scope};
use store::{Away, PromptConnection, Store, plainly};

use crate::database_uri::{application_uri, secret};

/// How long MongoDB may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A MongoDB, and which databases in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Databases {
    /// The MongoDB, with the database NAME of one service, or with the common prefix NAME of all services' databases
    #[arg(long, env = "MONGO_URI", value_name = "mongodb://HOST/NAME", hide_env_values = true, default_value = "mongodb://127.0.0.1:27017/ticketing", value_parser = secret)]
    mongo_uri: Secret,
}

impl Databases {
    /// The connection, for a command that one would type in the pod of this service otherwise.
    async fn store(&self, service: &str, command: &str, scope: &Scope<()>) -> Result<Store, Error> {
        let uri = application_uri(&self.mongo_uri).context("--mongo-uri / MONGO_URI")?;
        let started = scope.start("mongo", PromptConnection { uri, within: ANSWERS_WITHIN }).await;
        started.map_err(|error| with_hint(error, service, command))
    }

    /// The databases with an outbox, of NAME and `NAME-service` for each service, and the subjects that their services
    /// publish. Other databases belong to other applications.
    pub(crate) async fn with_outbox(
        &self,
        services: &[Declaration],
        scope: &Scope<()>,
    ) -> Result<(Vec<Store>, Vec<Subject>), Error> {
        let store = self.store("orders", "bus", scope).await?;
        let base = store.database().name().to_owned();
        let all = store.database().client().list_database_names().await;
        let all = all.context("failed to list the databases").map_err(plainly)?;
        let ours: Vec<_> = services.iter().map(|service| format!("{base}-{}", service.name)).collect();
        let mut found = Vec::new();
        for name in all.iter().filter(|name| **name == base || ours.contains(name)) {
            let store = store.beside(name);
            if has_collection(&store, "outbox").await? {
                found.push(store);
            }
        }
        if found.is_empty() {
            bail!(
                "neither {base} nor any {base}-SERVICE has an outbox: name another database with --mongo-uri \
                 mongodb://HOST/NAME"
            );
        }
        let is_owner = |service: &&Declaration| found.iter().any(|store| is_of(store.database().name(), service.name));
        let owners = services.iter().filter(is_owner);
        let subjects = owners.flat_map(|service| (service.topology)().publishes).collect();
        Ok((found, subjects))
    }

    /// The database of one service: NAME if that is its name, or `NAME-service`. `command` is `bus` or `payments`.
    pub(crate) async fn of(&self, service: &str, command: &str, scope: &Scope<()>) -> Result<Store, Error> {
        let store = self.store(service, command, scope).await?;
        let base = store.database().name();
        let store = if is_of(base, service) { store.clone() } else { store.beside(&format!("{base}-{service}")) };
        if !has_collection(&store, "inbox").await? {
            let name = store.database().name();
            bail!("{name} is not a database of {service}: name another with --mongo-uri mongodb://HOST/NAME");
        }
        Ok(store)
    }
}

fn with_hint(error: Error, service: &str, command: &str) -> Error {
    match Failure::cause::<Away>(&error) {
        None => error,
        Some(away) => anyhow!(
            "{away}; start the application with `cargo run`, or name another with --mongo-uri; in a cluster, `kubectl exec \
             deploy/{service}-depl -- /operator {command} ...` uses the database of that pod"
        ),
    }
}

async fn has_collection(store: &Store, name: &str) -> Result<bool, Error> {
    let database = store.database();
    let collections = database.list_collection_names().await;
    let collections = collections.with_context(|| format!("failed to list the collections of {}", database.name()));
    let collections = collections.map_err(plainly)?;
    Ok(collections.iter().any(|collection| collection == name))
}

/// Whether a database of this name belongs to this service: `tickets`, `shop-tickets`.
fn is_of(name: &str, service: &str) -> bool {
    name.strip_suffix(service).is_some_and(|base| base.is_empty() || base.ends_with('-'))
}
