//! A channel as a WebSocket: a message is a frame.

use std::pin::pin;
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{self, CloseFrame, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::json;
use tokio::time::timeout;

use super::session::{AT_ONCE, Session};
use crate::{Batch, Message, Subscription};

/// What a client sends is ignored, so it needs no room; the library's default is 128 KiB for each connection.
const READ_BUFFER: usize = 1024;

/// The largest message that a client may send, in bytes.
const MOST_FROM_CLIENT: usize = 64 * 1024;

/// How long a client may take to answer the end of the connection.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// How many pings may stay unanswered.
const UNANSWERED: u32 = 2;

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
        let goodbye = async {
            let frame = CloseFrame { code, reason: reason.into() };
            socket.send(ws::Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = socket.recv().await {} // until the client has answered it
            Ok::<_, axum::Error>(())
        };
        timeout(GOODBYE_WITHIN, goodbye).await.ok();
    }
}

async fn talk(socket: &mut WebSocket, subscription: &mut Subscription, is_json: bool, session: &mut Session) -> End {
    let mut stop = session.end();
    let mut unanswered = 0;
    loop {
        let frames = tokio::select! {
            biased;
            () = &mut stop => return End::Close(close_code::AWAY, "the server stops; connect again"),
            received = socket.recv() => match received {
                Some(Ok(ws::Message::Pong(_))) => {
                    unanswered = 0;
                    continue;
                }
                Some(Ok(ws::Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(_)) => continue,
            },
            batch = subscription.next(AT_ONCE) => match batch {
                Batch::Items(messages) => messages.iter().map(|message| frame(message, is_json)).collect(),
                Batch::Missed(count) if is_json => vec![ws::Message::text(json!({ "missed": count }).to_string())],
                Batch::Missed(_) => return End::Close(close_code::POLICY, "too slow: messages are missed"),
            },
            () = session.keep_alive.tick() => {
                if unanswered == UNANSWERED {
                    return End::Close(close_code::AWAY, "two pings were not answered");
                }
                unanswered += 1;
                vec![ws::Message::Ping(Bytes::new())]
            }
        };
        let within = session.interval() * (UNANSWERED + 1);
        let sent = pin!(send(socket, frames));
        match timeout(within, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return End::Gone,
        }
    }
}

/// Sends them in one go.
async fn send(socket: &mut WebSocket, frames: Vec<ws::Message>) -> Result<(), axum::Error> {
    for frame in frames {
        socket.feed(frame).await?;
    }
    socket.flush().await
}

/// A message as a frame: text if it is text, and binary otherwise.
fn frame(message: &Message, is_json: bool) -> ws::Message {
    if is_json {
        return ws::Message::text(message.json().to_string());
    }
    match ws::Utf8Bytes::try_from(message.body.clone()) {
        Ok(text) => ws::Message::Text(text),
        Err(_) => ws::Message::Binary(message.body.clone()),
    }
}
