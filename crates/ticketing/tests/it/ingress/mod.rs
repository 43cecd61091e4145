//! The ingress before a stand-in of a service, with real sockets.

mod bodies;
mod breaks;
mod client;
mod headers;
mod routing;
mod stop;
mod things;
mod upgrades;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use common::TrustedProxies;
use service::http::Http;
use service::{Error, Running, Scope, Service, Slot, SlotSetter, launch};
use testkit::Api;
use ticketing::ingress::{Route, ingress};

/// An HTTP server on any port.
fn on_any_port(router: Router) -> Http {
    Http { bind: "127.0.0.1:0".parse().unwrap(), router, drain_delay: Duration::ZERO }
}

/// A server that runs by itself: the ingress does not know it unless a route leads to it.
async fn serve(router: Router) -> (Running<SocketAddr>, SocketAddr) {
    let mut server = launch("things", on_any_port(router)).start();
    let address = server.ready().await.unwrap();
    (server, address)
}

/// An ingress with these prefixes, each of which leads nowhere at first.
struct Alone {
    prefixes: &'static [&'static str],
    trusted: TrustedProxies,
}

/// Where it is, and where its routes are set.
#[derive(Clone, Debug)]
struct Entrance {
    api: Api,
    routes: Arc<[SlotSetter<SocketAddr>]>,
}

impl Service for Alone {
    type Handle = Entrance;

    async fn run(self, scope: Scope<Entrance>) -> Result<(), Error> {
        let slots = self.prefixes.iter().map(|prefix| (prefix, Slot::empty(scope.path(), prefix)));
        let routes = slots.map(|(prefix, (setter, upstream))| (setter, Route { prefix, upstream }));
        let (setters, routes): (Vec<_>, _) = routes.unzip();
        let address = scope.start("ingress", on_any_port(ingress(routes, self.trusted))).await?;
        let routes = Arc::from(setters); // a route lasts as long as this body
        scope.ready(Entrance { api: Api { address }, routes: Arc::clone(&routes) });
        scope.stopping().await;
        Ok(())
    }
}

async fn start(prefixes: &'static [&'static str]) -> (Running<Entrance>, Entrance) {
    start_trusting(prefixes, TrustedProxies::default()).await
}

async fn start_trusting(prefixes: &'static [&'static str], trusted: TrustedProxies) -> (Running<Entrance>, Entrance) {
    let mut running = launch("alone", Alone { prefixes, trusted }).start();
    let entrance = running.ready().await.unwrap();
    (running, entrance)
}

/// An ingress whose `/api/things` leads to that address.
async fn before(service: SocketAddr) -> (Running<Entrance>, Api) {
    let (running, entrance) = start(&["/api/things"]).await;
    entrance.routes[0].set(service);
    (running, entrance.api)
}
