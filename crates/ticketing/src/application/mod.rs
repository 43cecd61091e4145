//! The start order of the whole application.

mod part;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bus::ErrorKind;
use common::Program;
use devstack::Folder;
use operator::console::remark;
use service::http::Http;
use service::settings::Settings;
use service::{Error, Scope, Service, Slot};

use self::part::{Parts, refuse_own_settings};
use crate::ingress::{Route, ingress};
use crate::options::Run;
use crate::port::Port;
use crate::provider::{Provider, Variables, at_bank, of_bank};
use crate::servers::{self, Servers};
use crate::session_key;

/// The usual port of the APIs.
const API: u16 = 3000;

/// Longer than any server takes to start, and a laptop under load.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The whole application in one process.
#[derive(Clone, Debug)]
pub struct Application {
    /// The services, in their start order.
    pub programs: &'static [Program],
    /// What the command line says.
    pub run: Run,
    /// The environment: each service gets the variables that its sections name.
    pub environment: BTreeMap<String, String>,
    /// The folder of all data.
    pub folder: PathBuf,
    /// A TOML file with settings of the services; [`Addresses::reload`] reads it again.
    pub settings: Option<PathBuf>,
}

/// The addresses of a running application.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The one origin of all APIs.
    pub api: SocketAddr,
    pub(crate) servers: Servers,
    /// The test bank, if it is ours.
    pub(crate) bank: Option<SocketAddr>,
    settings: Vec<Settings>,
    file: Option<PathBuf>,
}

impl Service for Application {
    type Handle = Addresses;

    async fn run(self, scope: Scope<Addresses>) -> Result<(), Error> {
        let Self { programs, run, environment, folder, settings: file } = self;
        refuse_own_settings(file.as_deref())?;
        let provider = Provider::of(&environment)?;
        // The ingress starts first and stops last: its address is taken before anything slow begins, and at the end each
        // service ends its own streams. The setters live in this body, so that no route leads to a service any more
        // before the first of them is asked to stop.
        let mut routes = Vec::new();
        let mut setters = Vec::new();
        for Program { declaration, .. } in programs {
            let (setter, upstream) = Slot::empty(scope.path(), declaration.name);
            routes.extend(declaration.prefixes.iter().map(|prefix| Route { prefix, upstream: upstream.clone() }));
            setters.push(setter);
        }
        let port = Port::choose(API, run.free_ports || run.listen.is_some());
        let bind = run.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, port.number())));
        let http = Http { bind, router: ingress(routes, run.trusted_proxies.clone()), drain_delay: Duration::ZERO };
        let busy = || format!("can't listen on {bind}: choose another address with --listen");
        let api = scope.start("ingress", http).await.with_context(busy)?;
        port.warn(format_args!("the APIs are at http://{api}"));

        if run.fresh && forget(&folder).await.context("--fresh")? {
            remark(format_args!("emptied {}", folder.display()));
        }
        let servers = servers::start(&scope, &run, &folder).await?;
        let key = match &run.jwt_key {
            Some(key) => key.clone(),
            None => session_key::kept_in(&folder)?,
        };
        let declared = programs.iter().map(|program| &program.declaration).chain([&bank::DECLARATION]);
        let described = declared.flat_map(|declaration| (declaration.sections)().describe());
        let sections: Vec<_> = described.map(|setting| setting.section).collect();
        let parts = Parts {
            run: &run,
            servers: &servers,
            origin: api,
            key: &key,
            environment: &environment,
            sections: &sections,
            file: file.as_deref(),
        };
        let takes_payments = programs.iter().any(|program| program.declaration.name == payments::DECLARATION.name);
        let (paying, bank) = match provider {
            Provider::Bank if takes_payments => {
                let own = parts.settings_of(&bank::DECLARATION, &of_bank(api))?;
                let child = scope.child(bank::DECLARATION.name).ready_within(READY_WITHIN).settings(own);
                let address = child.start(bank::PROGRAM).await?.context("the bank has an address")?;
                (at_bank(address), Some(address))
            }
            Provider::Bank => (Variables::new(), None),
            Provider::Given(variables) => (variables, None),
        };
        let mut settings = Vec::new();
        for (program, setter) in programs.iter().zip(&setters) {
            let own = parts.settings_of(&program.declaration, &paying)?;
            let child = scope.child(program.declaration.name).ready_within(READY_WITHIN).settings(own.clone());
            if let Some(address) = child.start(*program).await.map_err(with_remedy)? {
                setter.set(address);
            }
            settings.push(own);
        }
        scope.ready(Addresses { api, servers, bank, settings, file });
        scope.stopping().await;
        Ok(())
    }
}

impl Addresses {
    /// Reads the TOML file again, and gives each service its new settings.
    ///
    /// # Errors
    ///
    /// What is wrong with the file. The services before the one that it is wrong for have their new settings then.
    pub fn reload(&self) -> Result<(), Error> {
        refuse_own_settings(self.file.as_deref())?;
        self.settings.iter().try_for_each(|settings| settings.reload().map(drop))?;
        Ok(())
    }
}

/// Adds the option that helps, where a service knows only its environment.
fn with_remedy(error: Error) -> Error {
    let remedy = match ErrorKind::of(&error) {
        Some(ErrorKind::AlreadyRegistered { .. }) => {
            "another application uses this NATS server: give this one another --nats-client-id"
        }
        Some(ErrorKind::OtherCluster { .. }) => "the servers belong to another cluster: name it with --nats-cluster-id",
        _ => return error,
    };
    error.context(remedy)
}

/// Deletes all data, which nobody may be using. The answer is whether there was any.
async fn forget(folder: &Path) -> Result<bool, Error> {
    let mut any = false;
    for server in ["nats", "mongo"] {
        let data = folder.join(server);
        any |= data.exists();
        Folder::empty(&data).await?;
    }
    session_key::forget(folder)?;
    Ok(any)
}
