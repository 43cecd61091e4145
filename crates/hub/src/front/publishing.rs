//! POST: a body becomes a message.

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service::http::Open;

use super::refusal::{refusal, unavailable};
use crate::{Channel, Hub, Transport, Unavailable};

/// Publishes a body of at most this many bytes.
pub(super) async fn publish<T: Transport>(
    hub: &Hub<T>,
    open: &Open,
    channel: &Channel,
    body: Body,
    most: u32,
) -> Response {
    if open.stopping().is_asked() {
        return unavailable(Unavailable);
    }
    let Ok(body) = to_bytes(body, most as usize).await else {
        let reason = format_args!("a message has at most {most} bytes (hub.max_body), and comes whole");
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, reason);
    };
    match hub.publish(channel, body).await {
        Ok(_) => "OK\n".into_response(),
        Err(error) => unavailable(error),
    }
}
