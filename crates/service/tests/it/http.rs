//! The HTTP server as a child. Streams and requests in flight are in the tests of whole processes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message};
use axum::extract::{Request, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::stream;
use hyper_util::rt::TokioIo;
use service::http::{Http, Lasting, Open};
use service::{Running, launch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

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
async fn a_websocket_gets_a_message_that_the_server_goes_away() {
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
async fn a_connection_with_half_a_request_delays_no_stop() {
    let (server, mut stream) = serve(Router::new().route("/", get(async || "hello")), Duration::ZERO).await;
    stream.write_all(b"GET / HT").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await; // so that it has arrived
    let began = std::time::Instant::now();
    server.stop().await.result.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "half of what a head may take");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_end_of_its_request_reaches_a_client_that_still_sends() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let (server, stream) = serve(Router::new().route("/", post(async || "too much")), Duration::ZERO).await;
    let address = stream.peer_addr().unwrap();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {LENGTH}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![0; LENGTH]).await.ok(); // most of it comes after the answer
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.ends_with("too much"), "{answer}");
    }
    server.stop().await.result.unwrap();
}

/// Changes the protocol, to one in which the server sends its farewell when it is asked to stop.
async fn farewell(open: Open, mut request: Request) -> Response {
    let upgraded = hyper::upgrade::on(&mut request);
    let stopping = open.stopping().clone();
    open.spawn("farewell", async move {
        let mut connection = TokioIo::new(upgraded.await.unwrap());
        stopping.await;
        connection.write_all(b"farewell").await.unwrap();
    });
    let protocol = [("connection", "upgrade"), ("upgrade", "farewell")];
    (StatusCode::SWITCHING_PROTOCOLS, protocol).into_response()
}

#[tokio::test]
async fn the_task_of_an_upgraded_connection_is_waited_for_and_one_that_panics_ends_alone() {
    let router = Router::new()
        .route("/", get(farewell))
        .route("/panic", get(async |open: Open| open.spawn("panic", async { panic!("on purpose") })));
    let (server, mut stream) = serve(router, Duration::ZERO).await;
    let upgrade = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: farewell\r\n\r\n";
    assert!(ask(&mut stream, upgrade).await.starts_with("HTTP/1.1 101"));
    let mut other = TcpStream::connect(stream.peer_addr().unwrap()).await.unwrap();
    let answer = ask(&mut other, "GET /panic HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let outcome = server.stop().await;
    assert_eq!((outcome.result.is_ok(), outcome.aborted.len()), (true, 0));
    let mut received = String::new();
    stream.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "farewell");
}

/// Starts a server whose answer lasts: what is sent into the channel, until it is closed.
async fn lasting() -> (Running<SocketAddr>, TcpStream, mpsc::UnboundedSender<Result<&'static str, &'static str>>) {
    let (pieces, receiver) = mpsc::unbounded_channel();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let answer = async move || {
        let receiver: mpsc::UnboundedReceiver<_> = receiver.lock().await.take().unwrap();
        let stream = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        (Extension(Lasting), Body::from_stream(stream))
    };
    let (server, connection) = serve(Router::new().route("/", get(answer)), Duration::ZERO).await;
    (server, connection, pieces)
}

/// Reads until the text has this end.
async fn read_through(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "{}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_answer_that_lasts_comes_in_chunks_and_the_connection_is_closed_at_its_end() {
    let (server, mut stream, pieces) = lasting().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    pieces.send(Ok("first")).unwrap();
    let head = read_through(&mut stream, "\r\n\r\n5\r\nfirst\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("transfer-encoding: chunked"), "{head}");
    stream.write_all(b"what nobody asked for").await.unwrap();
    for piece in ["", "a second piece of text"] {
        pieces.send(Ok(piece)).unwrap();
    }
    assert_eq!(read_through(&mut stream, "text\r\n").await, "16\r\na second piece of text\r\n");
    drop(pieces);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "0\r\n\r\n");
    server.stop().await.result.unwrap();
}

#[tokio::test]
async fn an_answer_that_lasts_has_no_end_if_it_fails_and_no_chunks_for_a_client_that_knows_none() {
    for (version, is_chunked) in [("1.1", true), ("1.0", false)] {
        let (server, mut stream, pieces) = lasting().await;
        stream.write_all(format!("GET / HTTP/{version}\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        pieces.send(Ok("first")).unwrap();
        read_through(&mut stream, if is_chunked { "5\r\nfirst\r\n" } else { "\r\n\r\nfirst" }).await;
        pieces.send(Err("it breaks off")).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
        server.stop().await.result.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_lasts_is_dropped_when_its_client_leaves() {
    let (server, mut stream, pieces) = lasting().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    pieces.send(Ok("first")).unwrap();
    read_through(&mut stream, "first\r\n").await;
    drop(stream);
    pieces.closed().await;
    server.stop().await.result.unwrap();
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
    let router = Router::new().route("/", get(async || "still open"));
    let (server, stream) = serve(router, Duration::from_millis(500)).await;
    let address = stream.peer_addr().unwrap();
    server.request_stop();
    let answer = ask(&mut TcpStream::connect(address).await.unwrap(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("still open"), "{answer}");
    server.stop().await.result.unwrap();
    // Another test may have the port by now.
    if let Ok(mut other) = TcpStream::connect(address).await {
        let answer = ask(&mut other, "GET / HTTP/1.0\r\n\r\n").await;
        assert!(!answer.ends_with("still open"), "{answer}");
    }
}
