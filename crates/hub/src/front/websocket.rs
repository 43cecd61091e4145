//! A channel as a WebSocket: a message is a frame.

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{self, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;

use super::session::{Session, Signal};
use crate::connections::{AT_ONCE, READ_BUFFER, UNANSWERED, say_goodbye, send_all};
use crate::{Batch, Subscription};

/// The largest message that a client may send, in bytes.
const MOST_FROM_CLIENT: usize = 64 * 1024;

pub(super) fn websocket(
    upgrade: WebSocketUpgrade,
    subscription: Subscription,
    is_json: bool,
    session: Session,
) -> Response {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MOST_FROM_CLIENT)
        .on_upgrade(move |socket| serve(socket, subscription, is_json, session))
}

/// How a connection ends.
enum End {
    /// With this reason, which the client is given.
    Close(u16, &'static str),
    /// The client has left, or does not answer.
    Gone,
}

async fn serve(mut socket: WebSocket, mut subscription: Subscription, is_json: bool, mut session: Session) {
    let end = talk(&mut socket, &mut subscription, is_json, &mut session).await;
    if let End::Close(code, reason) = end {
        say_goodbye(&mut socket, code, reason).await;
    }
}

async fn talk(socket: &mut WebSocket, subscription: &mut Subscription, is_json: bool, session: &mut Session) -> End {
    let mut unanswered = 0;
    loop {
        let frames = tokio::select! {
            biased;
            Some(signal) = session.signals.next() => match signal {
                Signal::End => return End::Close(close_code::AWAY, "the server stops; connect again"),
                Signal::KeepAlive if unanswered == UNANSWERED => {
                    return End::Close(close_code::AWAY, "two pings were not answered");
                }
                Signal::KeepAlive => {
                    unanswered += 1;
                    vec![ws::Message::Ping(Bytes::new())]
                }
            },
            received = socket.recv() => match received {
                Some(Ok(ws::Message::Pong(_))) => {
                    unanswered = 0;
                    continue;
                }
                Some(Ok(ws::Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(_)) => continue,
            },
            batch = subscription.next(AT_ONCE) => match batch {
                Batch::Items(messages) => messages.iter().map(|message| message.frame(is_json)).collect(),
                Batch::Missed(count) if is_json => vec![ws::Message::text(json!({ "missed": count }).to_string())],
                Batch::Missed(_) => return End::Close(close_code::POLICY, "too slow: messages are missed"),
            },
        };
        let within = session.interval() * (UNANSWERED + 1);
        if !matches!(timeout(within, send_all(socket, frames)).await, Ok(Ok(()))) {
            return End::Gone;
        }
    }
}
