//! The programs of this crate, each a hub and its front ends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use service::http::Http;
use service::{Error, Scope, Service};

use crate::settings::Transports;
use crate::{Channel, HubSettings, Memory, MessageHub, Nats, Transport, Views, routes};

/// A hub and its HTTP server; its handle is the address.
#[derive(Clone, Copy, Debug)]
pub struct HubProgram {
    /// Which front ends it has.
    pub views: Views,
}

impl Service for HubProgram {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<HubSettings>()?.get();
        match settings.bus {
            Transports::Memory => serve(&scope, Memory::default(), self.views, Vec::new()).await,
            Transports::Nats => {
                let url = settings.nats_url.clone().context("hub.nats_url must be set")?;
                let nats = Nats { url, name: settings.name.clone() };
                let transport = scope.child("nats").wait_until_ready().start(nats).await?;
                serve(&scope, transport, self.views, Vec::new()).await
            }
        }
    }
}

/// Runs a hub over this transport and serves it until the scope is asked to stop.
async fn serve<T: Transport>(
    scope: &Scope<SocketAddr>,
    transport: T,
    views: Views,
    closed: Vec<Channel>,
) -> Result<(), Error> {
    let settings = scope.settings::<HubSettings>()?;
    let hub = scope.start("hub", MessageHub { transport }).await?;
    let bind = settings.get().bind;
    let router = routes(hub, settings, views, closed);
    let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
    scope.ready(address);
    scope.stopping().await;
    Ok(())
}
