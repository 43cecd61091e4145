//! The settings of each service in the application: not more than what the environment of its pod would say.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use bus::Name;
use common::{Declaration, TrustedProxies};
use service::Error;
use service::settings::{Secret, Settings, Sources};

use crate::options::Run;
use crate::provider::Variables;
use crate::servers::Servers;

/// The address that a service listens on: clients find it through the ingress.
const ANY_PORT: &str = "127.0.0.1:0";

/// What the application sets for each service, so that neither a file nor the environment may.
const OWN: [(&str, &str); 22] = [
    ("bank", "bind"),
    ("bank", "key"),
    ("bank", "webhook_secret"),
    ("bank", "webhook_url"),
    ("client", "auth_url"),
    ("client", "live_url"),
    ("client", "orders_url"),
    ("client", "payments_url"),
    ("client", "tickets_url"),
    ("http", "bind"),
    ("http", "trusted_proxies"),
    ("live", "orders_url"),
    ("mongo", "uri"),
    ("nats", "client_id"),
    ("nats", "cluster_id"),
    ("nats", "url"),
    ("payments", "stripe_allow_http"),
    ("payments", "stripe_key"),
    ("payments", "stripe_url"),
    ("payments", "stripe_webhook_secret"),
    ("session", "jwt_key"),
    ("telemetry", "endpoint"),
];

/// What the settings of all services are made from.
pub(super) struct Parts<'a> {
    pub(super) run: &'a Run,
    pub(super) servers: &'a Servers,
    /// The one origin of all APIs.
    pub(super) origin: SocketAddr,
    pub(super) key: &'a Secret,
    pub(super) environment: &'a BTreeMap<String, String>,
    /// All sections of all services: each skips those of the others in the file.
    pub(super) sections: &'a [&'static str],
    pub(super) file: Option<&'a Path>,
}

impl Parts<'_> {
    /// The settings of one service, under the names that its own program reads; `more` are variables of what it pays with.
    pub(super) fn settings_of(&self, declaration: &Declaration, more: &Variables) -> Result<Settings, Error> {
        let (name, sections) = (declaration.name, (declaration.sections)().beside(self.sections.iter().copied()));
        let is_own = |section: &str, key: &str| OWN.contains(&(section, key));
        let given = sections.describe().into_iter().filter(|setting| !is_own(setting.section, &setting.key));
        let given = given.flat_map(|setting| setting.variables);
        let mut environment: BTreeMap<_, _> =
            given.filter_map(|variable| Some((variable.clone(), self.environment.get(&variable)?.clone()))).collect();

        let client_id: Name = format!("{}-{name}", self.run.nats_client_id).parse().context("--nats-client-id")?;
        let uri = self.servers.mongo.with_suffix(name)?.reveal();
        let origin = format!("http://{}", self.origin);
        // The ingress, on this machine, and the proxies that it believes.
        let trusted = format!("{},{}", TrustedProxies::default(), self.run.trusted_proxies);
        let own = [
            ("HTTP__BIND", ANY_PORT),
            ("CLIENT__AUTH_URL", origin.as_str()),
            ("CLIENT__LIVE_URL", origin.as_str()),
            ("CLIENT__ORDERS_URL", origin.as_str()),
            ("CLIENT__PAYMENTS_URL", origin.as_str()),
            ("CLIENT__TICKETS_URL", origin.as_str()),
            ("HTTP__TRUSTED_PROXIES", trusted.as_str()),
            ("LIVE__ORDERS_URL", origin.as_str()),
            ("JWT_KEY", self.key.reveal()),
            ("MONGO_URI", uri.as_str()),
            ("NATS_URL", self.servers.nats.as_str()),
            ("NATS_CLUSTER_ID", self.run.nats_cluster_id.as_str()),
            ("NATS_CLIENT_ID", client_id.as_str()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.run.otlp_endpoint.as_str()),
        ];
        environment.extend(own.map(|(variable, value)| (variable.to_owned(), value.to_owned())));
        environment.extend(more.iter().map(|(variable, value)| ((*variable).to_owned(), value.clone())));
        if let Some(seconds) = self.run.order_window_seconds {
            environment.insert("ORDER_WINDOW_SECONDS".to_owned(), seconds.to_string());
        }
        let sources = Sources { file: self.file.map(Path::to_owned), environment, ..Sources::default() };
        Ok(Settings::load(sections, sources)?)
    }
}

/// Refuses a file that sets what the application sets itself.
pub(super) fn refuse_own_settings(file: Option<&Path>) -> Result<(), Error> {
    let Some(file) = file else { return Ok(()) };
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    let Ok(table) = text.parse::<toml::Table>() else { return Ok(()) }; // reported, with its place, by who reads it
    for (section, key) in OWN {
        if table.get(section).and_then(|section| section.get(key)).is_some() {
            bail!(
                "{}: the application sets {key} of [{section}] for each of its services: remove it from the file",
                file.display()
            );
        }
    }
    Ok(())
}
