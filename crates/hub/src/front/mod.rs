//! The front ends: every path is a channel, POST publishes, and GET reads in the way that the reader asks for.

mod negotiation;
mod page;
mod publishing;
mod refusal;
mod session;
mod streaming;
mod websocket;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use service::Live;
use service::http::Open;

pub use self::negotiation::Views;
use self::negotiation::{Question, View, Way};
pub use self::page::page;
use self::refusal::{refusal, too_many, unavailable};
use self::session::{Readers, Session};
use crate::{Channel, Hub, HubSettings, NotOpened, Transport};

/// Serves the channels of a hub. Nobody can publish to the closed ones over HTTP.
pub fn routes<T: Transport>(hub: Hub<T>, settings: Live<HubSettings>, views: Views, closed: Vec<Channel>) -> Router {
    let front = Front { hub, settings, views, closed: closed.into(), readers: Readers::default() };
    Router::new().fallback(answer::<T>).with_state(front)
}

/// What every request uses.
#[derive(Clone)]
struct Front<T> {
    hub: Hub<T>,
    settings: Live<HubSettings>,
    views: Views,
    closed: Arc<[Channel]>,
    readers: Readers,
}

async fn answer<T: Transport>(State(front): State<Front<T>>, open: Open, request: Request) -> Response {
    let channel = match request.uri().path().parse() {
        Ok(channel) => channel,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, error),
    };
    match *request.method() {
        Method::GET => read(front, open, &channel, request).await,
        Method::POST => {
            if front.closed.contains(&channel) {
                return refusal(StatusCode::FORBIDDEN, format_args!("only the program itself publishes to {channel}"));
            }
            let most = front.settings.get().max_body;
            publishing::publish(&front.hub, &open, &channel, request.into_body(), most).await
        }
        _ => {
            let refusal =
                refusal(StatusCode::METHOD_NOT_ALLOWED, "a channel knows GET, to read it, and POST, to publish");
            ([(ALLOW, "GET, POST")], refusal).into_response()
        }
    }
}

async fn read<T: Transport>(front: Front<T>, open: Open, channel: &Channel, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let Question { view, after } = match Question::of(&mut parts, front.views).await {
        Ok(question) => question,
        Err(refusal) => return refusal,
    };
    let View::Messages(way) = view else { return page::channel() };
    let Some(session) = Session::begin(open, front.settings, &front.readers) else {
        return too_many("as many readers as hub.max_readers allows are connected");
    };
    let subscription = match front.hub.subscribe(channel, after).await {
        Ok(subscription) => subscription,
        Err(NotOpened::Unavailable(error)) => return unavailable(error),
        Err(error @ NotOpened::TooMany) => return too_many(error),
    };
    let tells_gaps = !matches!(way, Way::Stream(format) if format.missed(None).is_none());
    if subscription.begins_with_a_gap() && !tells_gaps {
        return refusal(
            StatusCode::GONE,
            "messages behind this id are gone; leave out `after`, or ask for ?format=json",
        );
    }
    match way {
        Way::Stream(format) => streaming::stream(subscription, format, session),
        Way::WebSocket { upgrade, is_json } => websocket::websocket(*upgrade, subscription, is_json, session),
    }
}
