//! The client of a request, and how its request came.

use std::net::{IpAddr, SocketAddr};

use anyhow::anyhow;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use service::settings::Live;

use crate::errors::ApiError;
use crate::proxies::TrustedProxies;
use crate::settings::HttpSettings;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client of a request, and how its request came, as far as the [proxies](TrustedProxies) in between are believed.
///
/// As an argument of a handler it goes by `[http] trusted_proxies`, of a router that [`common::serve`](crate::serve()) serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the client: the other end of the connection; or, if that is a trusted proxy, the last address in
    /// `X-Forwarded-For` that is not one; or the first of all, if all are.
    pub address: IpAddr,
    /// Whether its request came over https: a trusted proxy says so in `X-Forwarded-Proto`. Of several values the first
    /// counts, of the proxy that the client speaks to.
    pub is_https: bool,
    /// The way of the request: what is believed of `X-Forwarded-For`, and the other end of the connection.
    way: String,
}

impl Client {
    /// The client of a request that has come from this end of a connection, with these headers.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let peer = peer.to_canonical();
        if !trusted.include(peer) {
            return Self { address: peer, is_https: false, way: peer.to_string() };
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("unknown"));
        let said = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|address| !address.is_empty());
        let said: Vec<_> = said.collect();
        let mut address = peer;
        for before in said.iter().rev().map_while(|text| parse(text)) {
            address = before;
            if !trusted.include(before) {
                break;
            }
        }
        let scheme = headers.get(FORWARDED_PROTO).and_then(|schemes| schemes.to_str().ok()).unwrap_or_default();
        let is_https = scheme.split(',').next().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
        let way = [&said[..], &[&peer.to_string()]].concat().join(", ");
        Self { address, is_https, way }
    }

    /// Says in the headers of another request that it is made for this client: replaces what they say about that.
    pub fn pass_on(&self, headers: &mut HeaderMap) {
        let scheme = if self.is_https { "https" } else { "http" };
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
        match HeaderValue::from_str(&self.way) {
            Ok(way) => headers.insert(FORWARDED_FOR, way),
            Err(_) => headers.remove(FORWARDED_FOR), // never: it was a header before
        };
    }
}

/// An address as proxies write it: some add the port.
fn parse(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    text.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let settings = parts.extensions.get::<Live<HttpSettings>>();
        let (Some(ConnectInfo(peer)), Some(settings)) = (peer, settings) else {
            return Err(ApiError::Fault(anyhow!("this router is not served by common::serve")));
        };
        Ok(Self::of(peer.ip(), &parts.headers, &settings.get().trusted_proxies))
    }
}
