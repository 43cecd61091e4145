//! A hub as the settings describe it, and the programs of this crate: a hub and its front ends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use service::http::Http;
use service::{Error, Scope, Service};

use crate::settings::Transports;
use crate::{Chosen, Hub, HubSettings, Memory, MessageHub, Nats, NatsTransport, Views, routes};

/// A hub and its HTTP server; its handle is the address.
#[derive(Clone, Copy, Debug)]
pub struct HubProgram {
    /// Which front ends it has.
    pub views: Views,
}

impl Service for HubProgram {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<HubSettings>()?;
        let hub = start(&scope).await?;
        let bind = settings.get().bind;
        let router = routes(hub, settings, self.views, Vec::new());
        let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
        scope.ready(address);
        scope.stopping().await;
        Ok(())
    }
}

/// Starts a hub over the transport that the [settings](HubSettings) choose, as the child `hub`.
async fn start<H>(scope: &Scope<H>) -> Result<Hub<Chosen>, Error> {
    let settings = scope.settings::<HubSettings>()?.get();
    let transport = match settings.bus {
        Transports::Memory => Chosen::Memory(Memory::default()),
        Transports::Nats => Chosen::Nats(connect(scope).await?),
        Transports::Mesh => bail!("hub.bus = \"mesh\" is for the nodes of a cluster"),
    };
    scope.start("hub", MessageHub { transport }).await
}

/// Connects to the NATS server that the [settings](HubSettings) name, as the child `nats`.
///
/// # Errors
///
/// When the stream of that name at the NATS server is not a hub's; [`Stopped`](service::Stopped).
pub async fn connect<H>(scope: &Scope<H>) -> Result<NatsTransport, Error> {
    let settings = scope.settings::<HubSettings>()?.get();
    let url = settings.nats_url.clone().context("hub.nats_url must be set")?;
    let nats = Nats { url, name: settings.name.clone() };
    scope.child("nats").wait_until_ready().start(nats).await
}
