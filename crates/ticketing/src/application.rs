//! The start order of the whole.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bus::{AlreadyRegistered, Name, OtherCluster};
use devstack::Folder;
use service::http::Http;
use service::settings::{Secret, Sections, Settings, Sources};
use service::{Error, Failure, Scope, Service};

use crate::ingress::{Upstreams, ingress};
use crate::options::Run;
use crate::programs::PROGRAMS;
use crate::servers::{self, Servers};
use crate::session_key;
use operator::uri_for;

/// Longer than any server takes to start, and a laptop under load.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where a service listens: the ingress is the one that is found.
const ANY_PORT: &str = "127.0.0.1:0";

/// The whole application.
#[derive(Clone, Debug)]
pub struct Application {
    /// What the command line says.
    pub run: Run,
    /// Where all data is.
    pub folder: PathBuf,
    /// A TOML file that says `[orders] window_seconds` instead of the command line; [`Addresses::reload`] reads it again.
    pub settings: Option<PathBuf>,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The one origin of all APIs.
    pub api: SocketAddr,
    pub(crate) servers: Servers,
    pub(crate) orders: Settings,
}

impl Service for Application {
    type Handle = Addresses;

    async fn run(self, scope: Scope<Addresses>) -> Result<(), Error> {
        let Self { run, folder, settings: file } = self;
        let busy = || format!("listening on {}: choose another address with --listen", run.listen);
        drop(TcpListener::bind(run.listen).with_context(busy)?); // before anything slow is begun
        if run.fresh {
            forget(&folder).await.context("--fresh")?;
        }
        let servers = servers::start(&scope, &run, &folder).await?;
        let key = match &run.jwt_key {
            Some(key) => key.clone(),
            None => session_key::kept_in(&folder)?,
        };
        let part = Part { run: &run, servers: &servers, key: &key, file: &file };
        let window = run.order_window_seconds.to_string();
        let mut addresses = BTreeMap::new();
        let mut all_settings = BTreeMap::new();
        for program in PROGRAMS {
            let name = program.declaration.name;
            // The environment counts for more than a file.
            let own = [("HTTP__BIND", ANY_PORT), ("ORDER_WINDOW_SECONDS", window.as_str())];
            let own = if file.is_some() { &own[..1] } else { &own };
            let settings = part.settings(name, (program.declaration.sections)(), own)?;
            let child = scope.child(name).ready_within(READY_WITHIN).settings(settings.clone());
            addresses.insert(name, child.start(program).await.map_err(with_mend)?);
            all_settings.insert(name, settings);
        }
        let address = |name| addresses.get(name).copied().flatten().context("a service without an API");
        let (auth, tickets, orders) = (address("auth")?, address("tickets")?, address("orders")?);
        let order_settings = all_settings.remove("orders").context("no orders service")?;

        let router = ingress(Upstreams { auth, tickets, orders });
        let http = Http { bind: run.listen, router, drain_delay: Duration::ZERO };
        let api = scope.start("ingress", http).await?;
        scope.ready(Addresses { api, servers, orders: order_settings });
        scope.stopping().await;
        Ok(())
    }
}

impl Addresses {
    /// Reads the TOML file again.
    ///
    /// # Errors
    ///
    /// What is wrong with it; nothing is changed then.
    pub fn reload(&self) -> Result<(), Error> {
        self.orders.reload()?;
        Ok(())
    }
}

/// The options that help, where a service knows only its environment.
fn with_mend(error: Error) -> Error {
    if Failure::cause::<AlreadyRegistered>(&error).is_some() {
        return error.context("another application uses this NATS server: give this one another --nats-client-id");
    }
    if Failure::cause::<OtherCluster>(&error).is_some() {
        return error.context("these are another cluster's servers: name it with --nats-cluster-id");
    }
    error
}

/// Forgets all data, which nobody may be using.
async fn forget(folder: &Path) -> Result<(), Error> {
    for server in ["nats", "mongo"] {
        Folder::empty(&folder.join(server)).await?;
    }
    session_key::forget(folder)
}

/// What the services have in common: not more than what the environment of their pods would tell them.
struct Part<'a> {
    run: &'a Run,
    servers: &'a Servers,
    key: &'a Secret,
    file: &'a Option<PathBuf>,
}

impl Part<'_> {
    /// The settings of one service, under the names that its own program takes them.
    fn settings(&self, name: &str, sections: Sections, own: &[(&str, &str)]) -> Result<Settings, Error> {
        let client_id: Name = format!("{}-{name}", self.run.nats_client_id).parse().context("--nats-client-id")?;
        let uri = uri_for(name, &self.servers.mongo)?;
        let common = [
            ("JWT_KEY", self.key.reveal()),
            ("MONGO_URI", uri.reveal()),
            ("NATS_URL", self.servers.nats.as_str()),
            ("NATS_CLUSTER_ID", self.run.nats_cluster_id.as_str()),
            ("NATS_CLIENT_ID", client_id.as_str()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.run.otlp_endpoint.as_str()),
        ];
        let environment = common.into_iter().chain(own.iter().copied());
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let sources = Sources { file: self.file.clone(), environment, ..Sources::default() };
        Ok(Settings::load(sections, sources)?)
    }
}
