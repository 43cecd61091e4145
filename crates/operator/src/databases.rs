//! The databases of the services, for the commands that look into them.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use events::Subject;
use service::settings::Secret;
use service::{Error, Failure, Reason, Scope};
use store::{Connection, Store};

use crate::console::unless_stopped;
use crate::database_uri::{hosts, in_database, secret};
use crate::topology::Wiring;

/// How long it may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Which MongoDB.
#[derive(Clone, Debug, Args)]
pub(crate) struct Databases {
    /// The MongoDB: the database NAME of one service, or, of the whole application, what its databases' names begin with
    #[arg(long, env = "MONGO_URI", value_name = "mongodb://HOST/NAME", hide_env_values = true, default_value = "mongodb://127.0.0.1:27017/ticketing", value_parser = secret)]
    mongo_uri: Secret,
    #[arg(skip)]
    services: Vec<Wiring>,
}

impl Databases {
    pub(crate) fn of_services(self, services: Vec<Wiring>) -> Self {
        Self { services, ..self }
    }

    async fn store<H>(&self, scope: &Scope<H>) -> Result<Store, Error> {
        let uri = in_database(&self.mongo_uri, str::to_owned)?.reveal().parse().context("--mongo-uri")?;
        let connection = scope.child("mongo").ready_within(ANSWERS_WITHIN).start(Connection { uri });
        connection.await.map_err(|error| self.with_mend(unless_stopped(error)))
    }

    /// Nothing is said of a login.
    fn with_mend(&self, error: Error) -> Error {
        let Some(Failure { reason: Reason::NotReady(_), .. }) = error.downcast_ref() else { return error };
        let hosts = hosts(&self.mongo_uri).unwrap_or_default();
        anyhow!(
            "no MongoDB answers at {hosts}; start the application with `cargo run`, or name another with --mongo-uri; on a \
             cluster, `kubectl exec deploy/orders-depl -- /ticketing bus ...` has the one of its pod"
        )
    }

    /// Those with an outbox: NAME, and `NAME-service` of each service; what else is there is somebody else's. And what the
    /// services publish whose databases these are.
    pub(crate) async fn with_outbox<H>(&self, scope: &Scope<H>) -> Result<(Vec<Store>, Vec<Subject>), Error> {
        let store = self.store(scope).await?;
        let base = store.database().name().to_owned();
        let all = store.database().client().list_database_names().await.context("asking for the databases")?;
        let mut found = Vec::new();
        let ours: Vec<_> = self.services.iter().map(|service| format!("{base}-{}", service.service)).collect();
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
        let subjects = found.iter().flat_map(|store| self.published_by(store.database().name())).collect();
        Ok((found, subjects))
    }

    /// What the service publishes whose database has this name.
    fn published_by(&self, name: &str) -> Vec<Subject> {
        let services = self.services.iter().filter(|wiring| is_of(name, wiring.service));
        services.flat_map(|wiring| wiring.publishes.clone()).collect()
    }

    /// That of one service: NAME, if that is what it is called, or `NAME-service`.
    pub(crate) async fn of<H>(&self, service: &str, scope: &Scope<H>) -> Result<Store, Error> {
        let store = self.store(scope).await?;
        let base = store.database().name();
        let store = if is_of(base, service) { store.clone() } else { store.beside(&format!("{base}-{service}")) };
        let collections = store.database().list_collection_names().await.context("asking for the collections")?;
        if !collections.iter().any(|collection| collection == "inbox") {
            let name = store.database().name();
            bail!("{name} is no database of {service}: name another with --mongo-uri mongodb://HOST/NAME");
        }
        Ok(store)
    }
}

/// Whether a database of this name is that of this service: `tickets`, `shop-tickets`.
fn is_of(name: &str, service: &str) -> bool {
    name.strip_suffix(service).is_some_and(|base| base.is_empty() || base.ends_with('-'))
}
