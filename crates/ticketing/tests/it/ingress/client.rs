//! A client that decides about each byte.

use std::net::SocketAddr;

use testkit::LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A WebSocket's first request.
pub(super) const WEBSOCKET: &str = "GET /api/things/ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// A close frame with 1001, "going away" (RFC 6455, 5.5.1).
pub(super) const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// One connection, with what has come over it.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) seen: Vec<u8>,
}

impl Client {
    /// Connects and sends this.
    pub(super) async fn new(address: SocketAddr, first: &str) -> Self {
        let mut client = Self { stream: TcpStream::connect(address).await.unwrap(), seen: Vec::new() };
        client.send(first.as_bytes()).await;
        client
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads until this has come.
    pub(super) async fn sees(&mut self, wanted: &[u8]) {
        let read = async {
            while !self.seen.windows(wanted.len()).any(|seen| seen == wanted) {
                if self.stream.read_buf(&mut self.seen).await.unwrap_or(0) == 0 {
                    panic!("it ended without {}: {}", wanted.escape_ascii(), self.seen.escape_ascii());
                }
            }
        };
        timeout(LIMIT, read).await.unwrap_or_else(|_| panic!("{} never came", wanted.escape_ascii()));
    }

    /// Reads to the end, whatever kind of end it is; all that has come.
    pub(super) async fn rest(&mut self) -> String {
        let read = self.stream.read_to_end(&mut self.seen);
        timeout(LIMIT, read).await.expect("it never ended").ok();
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

/// A WebSocket's frame with a short text, as a client sends it: masked, by zeros.
pub(super) fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}
