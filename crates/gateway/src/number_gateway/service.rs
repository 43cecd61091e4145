//! The number gateway, composed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use cluster::{Announcer, ClusterSettings, singleton};
use hub::{Channel, HubSettings, MessageHub, Views};
use numbers::Source;
use service::http::Http;
use service::{Error, Scope, Service};

use super::bridge::Bridge;
use super::page::pages;

/// A hub that publishes the numbers of a number server to `/numbers`, and who is here to `/announce`; its handle is the address.
///
/// It is a node of the cluster that `[hub] bus` and `[cluster]` describe, alone by default. Every node serves every channel; only the
/// leader reads the number server. It serves its channels also while that is away, and reconnects to it.
#[derive(Clone, Copy, Debug)]
pub struct NumberGateway;

impl Service for NumberGateway {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let (numbers, announce): (Channel, Channel) = ("/numbers".parse()?, "/announce".parse()?);
        let settings = scope.settings::<HubSettings>()?;
        let cluster = cluster::start(&scope).await?;
        let hub = scope.start("hub", MessageHub { transport: cluster.exchange() }).await?;
        let announcer = Announcer { cluster: cluster.clone(), hub: hub.clone(), channel: announce.clone() };
        scope.start("announcer", announcer).await?;

        let source = scope.settings::<Source>()?;
        let (publishing, channel) = (cluster.clone(), numbers.clone());
        let bridge =
            move |term| Bridge { source: source.clone(), cluster: publishing.clone(), term, channel: channel.clone() };
        singleton(&scope, "numbers", &cluster, bridge).await?;

        let bind = bind(settings.get().bind, &scope.settings::<ClusterSettings>()?.get());
        let router = hub::routes(hub, settings, Views::All, vec![numbers, announce]).merge(pages(cluster));
        let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
        scope.ready(address);
        scope.stopping().await;
        Ok(())
    }
}

/// Where a node serves its channels: nodes on one machine have loopback addresses of their own, and the same port.
fn bind(bind: SocketAddr, cluster: &ClusterSettings) -> SocketAddr {
    match cluster.identity.ip() {
        Some(ip) if ip.is_loopback() && bind.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            SocketAddr::new(ip, bind.port())
        }
        Some(_) | None => bind,
    }
}
