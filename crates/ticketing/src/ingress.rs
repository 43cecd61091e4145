//! One origin for all APIs, routed by the path's prefix, as the ingress of the course has it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use axum::response::Response;
use common::errors::ApiError;
use common::extract::read;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a connection to a service is kept: shorter than the service keeps it.
const IDLE: Duration = Duration::from_secs(5);

/// Where the services are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstreams {
    pub(crate) auth: SocketAddr,
    pub(crate) tickets: SocketAddr,
    pub(crate) orders: SocketAddr,
}

/// What belongs to one connection, and is not passed on (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[derive(Clone, Debug)]
struct Ingress {
    upstreams: Upstreams,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Passes each request on to the service of its prefix, and its answer back as it is.
pub(crate) fn ingress(upstreams: Upstreams) -> Router {
    let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http();
    Router::new().fallback(pass_on).with_state(Ingress { upstreams, client })
}

impl Upstreams {
    fn of(&self, path: &str) -> Option<SocketAddr> {
        let path = path.to_ascii_lowercase();
        let routes = [("/api/users", self.auth), ("/api/tickets", self.tickets), ("/api/orders", self.orders)];
        routes.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, upstream)| upstream)
    }
}

async fn pass_on(State(ingress): State<Ingress>, request: Request) -> Result<Response, ApiError> {
    let Ingress { upstreams, client } = ingress;
    let upstream = upstreams.of(request.uri().path()).ok_or(ApiError::NotFound)?;
    let path = request.uri().path_and_query().cloned().ok_or(ApiError::NotFound)?;
    let (mut parts, body) = request.into_parts();
    // All of it first: whatever is wrong with it is the client's fault, and not that of the service behind us.
    let body = read(body).await?;
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(upstream.to_string()).path_and_query(path).build();
    parts.uri = uri.context("the address of a service")?;
    parts.version = Version::HTTP_11;
    for_this_connection_only(&mut parts.headers);
    parts.headers.remove(CONTENT_LENGTH); // the client counts it anew
    // Nobody in front of us may say how the request came; by plain http it did.
    parts.headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("http"));
    let answer = client.request(Request::from_parts(parts, Full::new(body))).await.context("passing a request on")?;
    let mut answer = answer.map(Body::new);
    for_this_connection_only(answer.headers_mut());
    Ok(answer)
}

/// Removes what is not passed on: these, and what `Connection` names.
fn for_this_connection_only(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
