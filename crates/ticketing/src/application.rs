//! The start order of the whole.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use auth::Auth;
use common::bus::{AlreadyRegistered, Name, OtherCluster};
use devstack::Folder;
use expiration::Expiration;
use orders::Orders;
use service::http::Http;
use service::settings::{Secret, Sections, Settings, Sources};
use service::{Error, Failure, Scope, Service, Slot};
use tickets::Tickets;

use crate::databases::uri_for;
use crate::ingress::{Route, ingress};
use crate::options::Run;
use crate::servers::{self, Servers};
use crate::session_key;

/// Longer than any server takes to start, and a laptop under load.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where a service listens: clients find it through the ingress.
const ANY_PORT: &str = "127.0.0.1:0";

/// The services with an API, and the paths that each serves.
const SERVED: [(&str, &str); 3] = [("auth", "/api/users"), ("tickets", "/api/tickets"), ("orders", "/api/orders")];

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
        // The ingress starts first and stops last: its address is taken before anything slow begins, and at the end each
        // service ends its own streams. The setters live in this body, so that no route leads to a service any more
        // before the first of them is asked to stop.
        let mut routes = Vec::new();
        let [at_auth, at_tickets, at_orders] = SERVED.map(|(name, prefix)| {
            let (setter, upstream) = Slot::empty(scope.path(), name);
            routes.push(Route { prefix, upstream });
            setter
        });
        let http = Http { bind: run.listen, router: ingress(routes), drain_delay: Duration::ZERO };
        let busy = || format!("listening on {}: choose another address with --listen", run.listen);
        let api = scope.start("ingress", http).await.with_context(busy)?;

        if run.fresh {
            forget(&folder).await.context("--fresh")?;
        }
        let servers = servers::start(&scope, &run, &folder).await?;
        let key = match &run.jwt_key {
            Some(key) => key.clone(),
            None => session_key::kept_in(&folder)?,
        };
        let part = Part { run: &run, servers: &servers, key: &key, file: &file };
        let child = |name, settings: &Settings| scope.child(name).ready_within(READY_WITHIN).settings(settings.clone());

        let settings = part.settings("auth", auth::sections(), &[("AUTH__BIND", ANY_PORT)])?;
        at_auth.set(child("auth", &settings).start(Auth).await?);
        let settings = part.settings("tickets", tickets::sections(), &[("TICKETS__BIND", ANY_PORT)])?;
        at_tickets.set(child("tickets", &settings).start(Tickets).await.map_err(with_mend)?);
        let window = run.order_window_seconds.to_string();
        let own = [("ORDERS__BIND", ANY_PORT), ("ORDER_WINDOW_SECONDS", &window)];
        // The environment counts for more than a file.
        let order_settings =
            part.settings("orders", orders::sections(), if file.is_some() { &own[..1] } else { &own })?;
        at_orders.set(child("orders", &order_settings).start(Orders).await?);
        let settings = part.settings("expiration", expiration::sections(), &[])?;
        child("expiration", &settings).start(Expiration).await?;

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
