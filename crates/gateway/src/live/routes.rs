//! The API: GET `/api/live` and GET `/api/live/position`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::header::{COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use common::errors::{ApiError, contract};
use common::extract::{Client, SessionKey};
use serde_json::{Value, json};
use service::Live;
use service::http::Open;
use telemetry::Tracer;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::client::{Beginning, LiveClient};
use super::feed::Feed;
use super::limits::Counts;
use super::orders::{Answer, Orders};
use super::question::Question;
use super::reading::Reading;
use super::settings::LiveSettings;
use super::sse::sse;
use super::websocket::websocket;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(super) struct AppState {
    pub(super) feed: Feed,
    pub(super) orders: Orders,
    pub(super) key: SessionKey,
    pub(super) settings: Live<LiveSettings>,
    pub(super) counts: Counts,
    /// A place for each client that reads earlier events.
    pub(super) earlier_readers: Arc<Semaphore>,
}

/// The whole API.
pub(super) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new().route("/api/live", get(live)).route("/api/live/position", get(position));
    contract(routes.with_state(state), tracer)
}

/// The position to connect from, for whoever reads the state of tickets and orders afterwards.
async fn position(State(state): State<AppState>) -> Json<Value> {
    Json(json!({ "position": state.feed.position().to_string() }))
}

async fn live(
    State(state): State<AppState>,
    Client { address, .. }: Client,
    open: Open,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let is_websocket =
        parts.headers.get(UPGRADE).is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if is_websocket && !is_same_origin(&parts.headers) {
        return Err(ApiError::BadRequest("A page of another site can't connect here"));
    }
    let question = Question::of(&parts.uri, &parts.headers)?;
    let client = begin(&state, &open, question, address, &parts.headers).await?;
    if is_websocket {
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        return Ok(match upgrade {
            Ok(upgrade) => websocket(upgrade, client, open),
            Err(refusal) => refusal.into_response(),
        });
    }
    Ok(sse(client, open))
}

/// Fixes the position first and reads the orders afterwards, so that nothing happens between the two unseen.
async fn begin(
    state: &AppState,
    open: &Open,
    question: Question,
    address: IpAddr,
    headers: &HeaderMap,
) -> Result<LiveClient, ApiError> {
    let Question { tickets, orders, after } = question;
    let session = state.key.session(headers);
    if session.is_none() && !orders.is_empty() {
        return Err(ApiError::NotAuthorized);
    }
    let user = session.as_ref().map(|(user, _)| user.id);
    let counted = state.counts.take(user, address, &state.settings.get());
    let counted = counted.ok_or(ApiError::Unavailable("There are too many live connections"))?;

    let from_now = || Reading::from_now(state.feed.clone(), Arc::clone(&state.earlier_readers));
    let (reading, must_reset) = match after {
        None => (from_now(), false),
        Some(after) => {
            let reading = Reading::behind(after, state.feed.clone(), Arc::clone(&state.earlier_readers)).await;
            match reading.map_err(|error| unavailable(&error))? {
                Some(reading) => (reading, false),
                None => (from_now(), true),
            }
        }
    };
    let cookies = headers.get(COOKIE).cloned().unwrap_or_else(|| HeaderValue::from_static(""));
    let mut watched = Vec::new();
    for id in orders {
        match state.orders.order(id, &cookies).await {
            Ok(Answer::Order { json, .. }) => watched.push((id, json)),
            Ok(Answer::NotAuthorized) => return Err(ApiError::NotAuthorized),
            Ok(Answer::NotFound) => return Err(ApiError::NotFound),
            Err(error) => return Err(unavailable(&error)),
        }
    }
    // The public changes are for everybody; only whoever watches orders needs a session.
    let over = session.filter(|_| !watched.is_empty()).map(|(_, end)| instant(end));
    let stop = hub::connections::end(open, state.settings.clone(), |settings| settings.drain_milliseconds);
    let keep_alive = state.settings.every(LiveSettings::keep_alive);
    let orders = state.orders.clone();
    let beginning =
        Beginning { reading, tickets, watched, orders, cookies, must_reset, keep_alive, stop, over, counted };
    Ok(LiveClient::new(beginning))
}

fn unavailable(error: &service::Error) -> ApiError {
    tracing::warn!("a client can't watch at the moment: {error:#}");
    ApiError::Unavailable("Live changes are not available at the moment")
}

/// The moment of a time in seconds since 1970.
fn instant(seconds: u64) -> Instant {
    let end = UNIX_EPOCH + Duration::from_secs(seconds);
    Instant::now() + end.duration_since(SystemTime::now()).unwrap_or_default()
}

/// Whether a page of this site connects, or no page at all. A browser sends cookies with a WebSocket's request from any site.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str().to_owned());
    authority.is_some_and(|authority| host.is_some_and(|host| authority.eq_ignore_ascii_case(host)))
}
