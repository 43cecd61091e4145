//! The HTTP server as a child. Streams and requests in flight are in the tests of whole processes.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message};
use axum::response::Response;
use axum::routing::get;
use service::http::{Http, Open};
use service::{Running, launch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn serve(router: Router, drain_delay: Duration) -> (Running<SocketAddr>, TcpStream) {
    let bind = "127.0.0.1:0".parse().unwrap();
    let mut server = launch("http", Http { bind, router, drain_delay }).start();
    let address = server.ready().await.unwrap();
    (server, TcpStream::connect(address).await.unwrap())
}

async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Says goodbye when the server stops.
async fn polite(upgrade: WebSocketUpgrade, open: Open) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        open.stopping().asked().await;
        let goodbye = CloseFrame { code: 1001, reason: "".into() };
        socket.send(Message::Close(Some(goodbye))).await.ok();
    })
}

#[tokio::test]
async fn a_websocket_hears_that_the_server_goes_away() {
    let (server, mut stream) = serve(Router::new().route("/ws", get(polite)), Duration::ZERO).await;
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    assert!(ask(&mut stream, upgrade).await.starts_with("HTTP/1.1 101"));
    let (outcome, frame) = tokio::join!(server.stop(), async {
        let mut frame = Vec::new();
        stream.read_to_end(&mut frame).await.unwrap();
        frame
    });
    outcome.result.unwrap();
    assert_eq!(frame, [0x88, 2, 0x03, 0xe9], "a close frame with 1001 (RFC 6455, 5.5.1)");
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_the_server_stops() {
    let (server, mut stream) = serve(Router::new().route("/", get(async || "hello")), Duration::ZERO).await;
    let answer = ask(&mut stream, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
    server.stop().await.result.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_with_half_a_request_holds_up_no_stop() {
    let (server, mut stream) = serve(Router::new().route("/", get(async || "hello")), Duration::ZERO).await;
    stream.write_all(b"GET / HT").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await; // so that it has arrived
    let began = std::time::Instant::now();
    server.stop().await.result.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "half of what a head may take");
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_connection_and_nothing_else() {
    let router = Router::new().route("/", get(async || "hello")).route("/panic", get(panics));
    let (server, mut stream) = serve(router, Duration::ZERO).await;
    let address = stream.peer_addr().unwrap();
    assert_eq!(ask(&mut stream, "GET /panic HTTP/1.1\r\nhost: localhost\r\n\r\n").await, "");
    let answer = ask(&mut TcpStream::connect(address).await.unwrap(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
    server.stop().await.result.unwrap();
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

#[tokio::test]
async fn new_connections_are_taken_until_the_drain_delay_is_over() {
    let router = Router::new().route("/", get(async || "hello"));
    let (server, stream) = serve(router, Duration::from_millis(500)).await;
    let address = stream.peer_addr().unwrap();
    server.request_stop();
    let answer = ask(&mut TcpStream::connect(address).await.unwrap(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
    server.stop().await.result.unwrap();
    TcpStream::connect(address).await.unwrap_err();
}
