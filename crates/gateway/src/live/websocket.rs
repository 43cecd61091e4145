//! A client with a WebSocket: the same events as JSON objects with `event`, `id` and `data`.

use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use hub::connections::{READ_BUFFER, UNANSWERED, say_goodbye, send_all};
use service::http::Open;
use tokio::time::timeout;

use super::change::Encoded;
use super::client::{Ended, LiveClient, Sent};

/// The largest message that a client may send, in bytes.
const MOST_FROM_CLIENT: usize = 4096;

/// How long a client may take to take what it is sent.
const TAKES_WITHIN: Duration = Duration::from_secs(60);

/// The code of a connection whose session is over; those from 4000 on are the application's own (RFC 6455, 7.4.2).
const SIGNED_OUT: u16 = 4401;

pub(super) fn websocket(upgrade: WebSocketUpgrade, client: LiveClient, open: Open) -> Response {
    upgrade.read_buffer_size(READ_BUFFER).max_message_size(MOST_FROM_CLIENT).on_upgrade(move |mut socket| async move {
        if let Some((code, reason)) = talk(&mut socket, client).await {
            say_goodbye(&mut socket, code, reason).await;
        }
        drop(open); // the server waits for the connection while it is held
    })
}

/// Sends events until the end; the code and reason to close with, unless the client is gone.
async fn talk(socket: &mut WebSocket, mut client: LiveClient) -> Option<(u16, &'static str)> {
    let opening = Encoded::new("position", client.position(), "{}");
    send(socket, vec![Message::Text(opening.websocket)]).await?;
    let mut unanswered = 0;
    loop {
        let sent = tokio::select! {
            received = socket.recv() => match received? {
                Ok(Message::Pong(_)) => {
                    unanswered = 0;
                    continue;
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => continue,
            },
            sent = client.next() => sent,
        };
        let frames = match sent {
            Sent::Events(events) => events.into_iter().map(|event| Message::Text(event.websocket)).collect(),
            Sent::KeepAlive if unanswered == UNANSWERED => {
                return Some((close_code::AWAY, "two pings were not answered"));
            }
            Sent::KeepAlive => {
                unanswered += 1;
                vec![Message::Ping(Bytes::new())]
            }
            Sent::End(Ended::Stop) => return Some((close_code::AWAY, "the server stops; connect again")),
            Sent::End(Ended::SessionOver) => return Some((SIGNED_OUT, "the session is over; sign in")),
        };
        send(socket, frames).await?;
    }
}

/// Sends these; `None` if the client does not take them.
async fn send(socket: &mut WebSocket, frames: Vec<Message>) -> Option<()> {
    timeout(TAKES_WITHIN, send_all(socket, frames)).await.ok()?.ok()
}
