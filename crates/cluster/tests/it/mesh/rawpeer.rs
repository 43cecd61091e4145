//! A node that is only a socket, and says what a test wants.

use std::time::Duration;

use cluster::Node;
use serde_json::{Value, json};
use testkit::LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// One connection, with frames as JSON.
#[derive(Debug)]
pub(crate) struct RawPeer {
    stream: TcpStream,
}

/// The greeting of a node of the cluster `test`.
pub(crate) fn greeting(from: &Node, to: &Node, size: usize) -> Value {
    let common = json!({ "cluster": "test", "size": size, "quorum": "majority" });
    json!({ "Greeting": { "version": 1, "from": from, "to": to, "common": common } })
}

/// A heartbeat of a node with this incarnation.
pub(crate) fn heartbeat(incarnation: u64) -> Value {
    let body = json!({ "Heartbeat": { "members": [], "least": null, "highest": 0 } });
    json!({ "Cluster": { "incarnation": incarnation, "body": body } })
}

impl RawPeer {
    pub(crate) async fn connect(to: &Node) -> Self {
        Self { stream: TcpStream::connect(to.as_str()).await.unwrap() }
    }

    /// Accepts a connection and answers its greeting.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        let mut peer = Self { stream };
        let (theirs, _) = peer.receive().await.unwrap();
        let theirs = &theirs["Greeting"];
        let (from, to) = (theirs["to"].clone(), theirs["from"].clone());
        peer.send(&json!({ "Greeting": { "version": 1, "from": from, "to": to, "common": theirs["common"] } }), "")
            .await;
        peer
    }

    /// Connects and is greeted.
    pub(crate) async fn join(from: &Node, to: &Node, size: usize) -> Self {
        let mut peer = Self::connect(to).await;
        peer.send(&greeting(from, to, size), "").await;
        let (answer, _) = peer.receive().await.unwrap();
        assert_eq!(answer["Greeting"]["from"], to.as_str());
        peer
    }

    pub(crate) async fn send(&mut self, head: &Value, body: &str) {
        let head = head.to_string();
        let (length, head_length) = (4 + head.len() + body.len(), head.len());
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        bytes.extend(u32::try_from(head_length).unwrap().to_be_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(body.as_bytes());
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn receive(&mut self) -> Option<(Value, String)> {
        let frame = async {
            let length = self.stream.read_u32().await.ok()? as usize;
            let head_length = self.stream.read_u32().await.ok()? as usize;
            let mut bytes = vec![0; length - 4];
            self.stream.read_exact(&mut bytes).await.ok()?;
            let body = String::from_utf8(bytes.split_off(head_length)).unwrap();
            Some((serde_json::from_slice(&bytes).unwrap(), body))
        };
        timeout(LIMIT, frame).await.unwrap()
    }

    /// Everything that is received within this time.
    pub(crate) async fn receive_for(&mut self, time: Duration) -> Vec<(Value, String)> {
        let mut all = Vec::new();
        let receiving = async {
            while let Some(frame) = self.receive().await {
                all.push(frame);
            }
        };
        timeout(time, receiving).await.ok();
        all
    }
}
