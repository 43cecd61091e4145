//! The client's side of a WebSocket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
pub use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::LIMIT;

/// The client's side of a connection.
#[derive(Debug)]
pub struct WebSocket(WebSocketStream<TcpStream>);

impl WebSocket {
    /// Connects to a path.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::with(address, path, &[]).await.unwrap_or_else(|status| panic!("refused with {status}"))
    }

    /// Connects with these headers besides.
    ///
    /// # Errors
    ///
    /// The status that it is refused with.
    pub async fn with(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let socket = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, socket).await {
            Ok((websocket, _)) => Ok(Self(websocket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends a text.
    pub async fn send(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Begins the end of the connection.
    pub async fn close(&mut self) {
        self.0.close(None).await.unwrap();
    }

    /// The next frame that is not a ping, which is answered; `None` at the end.
    pub async fn frame(&mut self) -> Option<Message> {
        loop {
            match timeout(LIMIT, self.0.next()).await.expect("a frame comes in time")? {
                Ok(Message::Ping(_)) => {}
                Ok(frame) => return Some(frame),
                Err(_) => return None,
            }
        }
    }

    /// The next frame, which is a text.
    pub async fn text(&mut self) -> String {
        match self.frame().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The code that the server closes the connection with; other frames before it are skipped.
    pub async fn code(&mut self) -> Option<u16> {
        loop {
            if let Message::Close(close) = self.frame().await? {
                return close.map(|close| close.code.into());
            }
        }
    }
}
