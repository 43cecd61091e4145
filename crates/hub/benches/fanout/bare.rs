//! The baseline: a loop that writes the bytes of an event to every socket.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// Serves at the address of the second argument, until it is killed.
pub(crate) async fn serve() {
    let address = std::env::args().nth(2).filter(|argument| argument != "--bench").unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    let (messages, _) = broadcast::channel::<Arc<[u8]>>(4096);
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, messages.clone()));
    }
}

/// A reader, which asks with GET; or a publisher, with POST and a body of 22 bytes.
async fn connection(mut socket: TcpStream, messages: broadcast::Sender<Arc<[u8]>>) {
    socket.set_nodelay(true).ok();
    let mut buffer = [0; 512];
    let Ok(read @ 1..) = socket.read(&mut buffer).await else { return };
    if buffer.starts_with(b"GET") {
        let mut messages = messages.subscribe();
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
        while let Ok(message) = messages.recv().await {
            if socket.write_all(&message).await.is_err() {
                return;
            }
        }
        return;
    }
    let mut read = read;
    loop {
        let body = &buffer[read - 22..read];
        messages.send([b"id: 1\ndata: ", body, b"\n\n"].concat().into()).ok();
        if socket.write_all(b"HTTP/1.1 200 OK\r\n\r\nOK\n").await.is_err() {
            return;
        }
        match socket.read(&mut buffer).await {
            Ok(more @ 22..) => read = more,
            Ok(_) | Err(_) => return,
        }
    }
}
