//! The one origin of all APIs: passes each request on to the service of its path, and the answer back.
//!
//! Nothing is buffered: each piece of a body goes on as it comes, in both directions, and only as fast as the receiver
//! takes it. The ingress ends nothing by itself: when one side ends a stream, or breaks it off, so does the other. It
//! has no limit of size or time either; the services have theirs.
//!
//! A request is sent again only if it could not be sent at all, because the service had closed an idle connection.

mod headers;
mod refusal;
mod tunnel;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Scheme;
use axum::http::{Extensions, StatusCode, Uri, Version};
use axum::response::Response;
use common::TrustedProxies;
use common::extract::Client;
use hyper::upgrade;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use service::Slot;
use service::http::Open;

use self::refusal::Refusal;

/// How long an idle connection to a service is kept: shorter than the service keeps it, which is 10 s.
const IDLE: Duration = Duration::from_secs(5);

/// How long a service may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Below this, a path that no other route covers is nobody's: `/` does not cover it.
const API: &str = "/api";

/// The paths of one service, and where it listens. Of several routes that cover a path, the longest holds.
#[derive(Clone, Debug)]
pub struct Route {
    /// The first segments of the paths, whole ones and without a slash at the end (`/api/tickets`), or `/` for every
    /// path outside `/api`. Case does not matter.
    pub prefix: &'static str,
    /// The address of the service, while it is ready.
    pub upstream: Slot<SocketAddr>,
}

impl Route {
    /// Whether the path is the prefix, or continues it with a new segment.
    fn covers(&self, path: &str) -> bool {
        match self.prefix {
            "/" => path.starts_with('/') && !begins_with(path, API),
            prefix => begins_with(path, prefix),
        }
    }
}

fn begins_with(path: &str, prefix: &str) -> bool {
    let Some((start, rest)) = path.split_at_checked(prefix.len()) else { return false };
    start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))
}

#[derive(Clone, Debug)]
struct Ingress {
    routes: Arc<[Route]>,
    trusted: TrustedProxies,
    client: legacy::Client<HttpConnector, Body>,
}

/// The ingress, to be served by [`service::http::Http`]. It passes on what these proxies say about a client.
///
/// Errors of its own have the shape of the APIs: 404 for a path that no route covers; 503 with `Retry-After` while the
/// service is not ready, has stopped, or does not accept a connection; 502 if it breaks off before it answers, so that
/// it is not known what it has done.
pub fn ingress(routes: Vec<Route>, trusted: TrustedProxies) -> Router {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true); // a stream's small pieces must not wait for each other
    connector.set_connect_timeout(Some(CONNECT_WITHIN));
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .retry_canceled_requests(true) // "canceled" means: not one byte of it was sent
        .build(connector);
    Router::new().fallback(pass_on).with_state(Ingress { routes: routes.into(), trusted, client })
}

async fn pass_on(
    State(ingress): State<Ingress>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    open: Open,
    mut request: Request,
) -> Result<Response, Refusal> {
    let covering = ingress.routes.iter().filter(|route| route.covers(request.uri().path()));
    let route = covering.max_by_key(|route| route.prefix.len()).ok_or(Refusal::NotFound)?;
    let upstream = route.upstream.get().map_err(|error| Refusal::Unavailable(error.into()))?;
    let upgrading = headers::upgrade(request.headers()).filter(|_| request.version() == Version::HTTP_11);
    let client_side = upgrade::on(&mut request);
    let client = Client::of(peer.ip(), request.headers(), &ingress.trusted);

    let mut answer = ingress.client.request(to_service(request, &client, upstream, upgrading.clone())?).await?;
    let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let upgraded = headers::upgrade(answer.headers());
    headers::remove_hop_by_hop(answer.headers_mut());
    if is_upgraded {
        let (Some(_), Some(protocol)) = (upgrading, upgraded) else { return Err(Refusal::unasked_upgrade()) };
        headers::set_upgrade(answer.headers_mut(), protocol);
        open.spawn("upgraded", tunnel::copy(client_side, upgrade::on(&mut answer)));
    }
    *answer.version_mut() = Version::HTTP_11;
    Ok(answer.map(Body::new))
}

/// The request as the service gets it.
fn to_service(
    request: Request,
    client: &Client,
    upstream: SocketAddr,
    upgrading: Option<headers::Protocol>,
) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().ok_or(Refusal::NotFound)?;
    headers::remove_hop_by_hop(&mut parts.headers);
    headers::set_forwarded(&mut parts.headers, &parts.uri, client);
    if let Some(protocol) = upgrading {
        headers::set_upgrade(&mut parts.headers, protocol);
    }
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(upstream.to_string()).path_and_query(path).build();
    parts.uri = uri.map_err(|error| Refusal::Unavailable(error.into()))?;
    parts.version = Version::HTTP_11;
    parts.extensions = Extensions::new(); // they belong to the connection of the client
    Ok(Request::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::begins_with;

    #[test]
    fn a_prefix_covers_itself_and_what_continues_it_by_whole_segments_whatever_the_case() {
        for path in ["/api/tickets", "/api/tickets/", "/API/Tickets/1"] {
            assert!(begins_with(path, "/api/tickets"), "{path}");
        }
        for path in ["", "*", "/api", "/api/ticketsX", "/api/ticket", "/api/ticketä", "/x/api/tickets"] {
            assert!(!begins_with(path, "/api/tickets"), "{path}");
        }
    }
}
