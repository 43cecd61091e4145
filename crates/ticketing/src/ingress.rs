//! One origin for all APIs, routed by the path's prefix as on the cluster.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use common::errors::{ApiError, contract};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

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
    client: Client<HttpConnector, axum::body::Body>,
}

/// Passes each request on to the service of its prefix.
pub(crate) fn ingress(upstreams: Upstreams) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let routes = Router::new().route("/", any(pass_on)).route("/{*path}", any(pass_on));
    contract(routes.with_state(Ingress { upstreams, client }))
}

impl Upstreams {
    fn of(&self, path: &str) -> Option<SocketAddr> {
        let routes = [("/api/users", self.auth), ("/api/tickets", self.tickets), ("/api/orders", self.orders)];
        routes.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, upstream)| upstream)
    }
}

async fn pass_on(State(Ingress { upstreams, client }): State<Ingress>, mut request: Request) -> Response {
    let Some(upstream) = upstreams.of(request.uri().path()) else { return ApiError::NotFound.into_response() };
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let address = Uri::builder().scheme(Scheme::HTTP).authority(upstream.to_string()).path_and_query(path).build();
    match address {
        Ok(address) => *request.uri_mut() = address,
        Err(error) => return ApiError::Fault(error.into()).into_response(),
    }
    for name in HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    // Nobody in front of us may say how the request came; by plain http it did.
    request.headers_mut().insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("http"));
    match client.request(request).await {
        Ok(answer) => {
            let mut answer = answer.map(axum::body::Body::new);
            for name in HOP_BY_HOP {
                answer.headers_mut().remove(name);
            }
            answer
        }
        Err(error) => ApiError::Fault(anyhow::Error::new(error).context("passing a request on")).into_response(),
    }
}
