//! Which headers pass the ingress, and which it sets.

use axum::http::header::{CONNECTION, HOST, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use common::extract::Client;

/// What belongs to one connection only and is not passed on (RFC 9110, 7.6.1 and 11.7), besides what `Connection`
/// names. Trailer fields are not passed on either, so nothing announces them.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The protocols that one side wants to change to, or the one that the other side has changed to: the value of
/// `Upgrade`.
pub(super) type Protocol = HeaderValue;

/// The protocol to change to, if the message asks for that or agrees to it (RFC 9110, 7.8).
pub(super) fn upgrade(headers: &HeaderMap) -> Option<Protocol> {
    let is_named = connection_options(headers).any(|name| name.eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| is_named).cloned()
}

/// Says on the next connection too what to change to.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: Protocol) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Says how the request reached the ingress. Only a trusted proxy can claim it: what anybody else sent is replaced.
pub(super) fn set_forwarded(headers: &mut HeaderMap, uri: &Uri, client: &Client) {
    client.pass_on(headers);
    // A request-target with a host counts for more than the header (RFC 9112, 3.2.2), and the service does not see it.
    let host = uri.authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        headers.insert(HOST, host);
    }
}

/// Removes what is not passed on.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_options(headers).filter_map(|name| name.parse().ok()).collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
