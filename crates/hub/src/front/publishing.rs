//! POST: a body becomes a message.

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service::http::Open;

use super::{Front, refusal, unavailable};
use crate::{Channel, Transport, Unavailable};

pub(super) async fn publish<T: Transport>(front: &Front<T>, open: &Open, channel: &Channel, body: Body) -> Response {
    if front.closed.contains(channel) {
        return refusal(StatusCode::FORBIDDEN, format_args!("only the program itself publishes to {channel}"));
    }
    if open.stopping().is_asked() {
        return unavailable(Unavailable);
    }
    let most = front.settings.get().max_body;
    let Ok(body) = to_bytes(body, most as usize).await else {
        let reason = format_args!("a message has at most {most} bytes (hub.max_body), and comes whole");
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, reason);
    };
    match front.hub.publish(channel, body).await {
        Ok(_) => "OK\n".into_response(),
        Err(error) => unavailable(error),
    }
}
