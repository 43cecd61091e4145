//! WebSockets.

use testkit::{LIMIT, Message, WebSocket};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async;

use crate::hubs::TestHub;

#[tokio::test]
async fn a_message_is_a_frame_of_text_or_of_bytes_as_it_was_published() {
    let hub = TestHub::start().await;
    let mut websocket = WebSocket::open(hub.address, "/pycon").await;
    let mut json = WebSocket::open(hub.address, "/pycon?format=json").await;
    hub.publish("/pycon", "hello").await;
    assert_eq!(websocket.text().await, "hello");
    assert!(json.text().await.ends_with(r#""message":"hello"}"#));
    let bytes: Vec<u8> = (0..=255).collect();
    hub.publish("/pycon", &bytes).await;
    assert_eq!(websocket.frame().await, Some(Message::Binary(bytes.into())));
    assert!(json.text().await.contains("base64"));
    hub.stop().await;
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_is_closed() {
    let hub = TestHub::with(&[("HUB__KEEP_ALIVE_SECONDS", "1")]).await;
    let mut lively = WebSocket::open(hub.address, "/pycon").await;
    let deaf = TcpStream::connect(hub.address).await.unwrap();
    let (mut deaf, _) = client_async(format!("ws://{}/pycon", hub.address), deaf).await.unwrap();
    // The library answers a ping when it is polled; reading the socket itself answers nothing.
    let ended = async {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 64]);
        loop {
            deaf.get_mut().readable().await.unwrap();
            match deaf.get_mut().try_read(&mut buffer) {
                Ok(0) => return bytes,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            if bytes.windows(4).any(|window| window[0] == 0x88 && window[2..] == 1001_u16.to_be_bytes()) {
                return bytes;
            }
        }
    };
    let (bytes, _) = tokio::join!(timeout(LIMIT, ended), timeout(LIMIT / 5, lively.frame()));
    let bytes = bytes.expect("a client that answers no ping is closed");
    assert!(bytes.starts_with(&[0x89, 0, 0x89, 0, 0x88]), "two pings, then the end: {bytes:?}");
    hub.publish("/pycon", "still here").await;
    assert_eq!(lively.text().await, "still here");
    hub.stop().await;
}

#[tokio::test]
async fn what_a_client_sends_is_read_and_ignored() {
    let hub = TestHub::start().await;
    let mut websocket = WebSocket::open(hub.address, "/pycon").await;
    for _ in 0..1000 {
        websocket.send("x".repeat(1000)).await;
    }
    hub.publish("/pycon", "hello").await;
    assert_eq!(websocket.text().await, "hello");
    websocket.close().await;
    while websocket.frame().await.is_some() {} // until the server has answered the end
    hub.stop().await;
}
