//! Bodies flow: at once, as fast as they are taken, and of any size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use common::errors::ApiError;
use common::extract;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use service::Error;
use testkit::{LIMIT, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::client::Client;
use super::things::things;
use super::{before, serve};

const PIECE: usize = 64 * 1024;
const LARGE: usize = 50 * 1024 * 1024;

/// More than the kernel keeps for four ends of loopback connections, and less than the body.
const IN_BETWEEN: usize = 40 * 1024 * 1024;

/// When nothing has moved for this long, the transfer has stalled.
const STILL: Duration = Duration::from_millis(500);

fn post_of(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn each_piece_goes_on_as_it_comes_in_both_directions() {
    let (told, _) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    let head = "POST /api/things/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut client = Client::new(api.address, head).await;
    for piece in ["first", "other", "third"] {
        client.send(format!("5\r\n{piece}\r\n").as_bytes()).await;
        client.sees(format!("5\r\n{piece}\r\n").as_bytes()).await; // before any more is sent
    }
    client.send(b"0\r\n\r\n").await;
    assert!(client.rest().await.ends_with("third\r\n0\r\n\r\n"));
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_large_request_waits_at_the_client_until_the_service_reads_it_and_others_do_not_wait() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let router = Router::new().route("/api/things", get(async || "all things")).route(
        "/api/things/slow",
        post(async move |body: Body| {
            opened.notified().await;
            let counted = body.into_data_stream().fold(0, async |sum, piece| sum + piece.unwrap().len());
            counted.await.to_string()
        }),
    );
    let (service, address) = serve(router).await;
    let (ingress, api) = before(address).await;
    let mut client = Client::new(api.address, &post_of("/api/things/slow", LARGE)).await;
    let piece = vec![0; PIECE];
    let mut sent = 0;
    while let Ok(written) = timeout(STILL, client.stream.write(&piece)).await {
        sent += written.unwrap();
        assert!(sent < IN_BETWEEN, "somebody keeps what nobody reads");
    }
    assert_eq!(api.get("/api/things", "").await.body, "all things");
    gate.notify_one();
    while sent < LARGE {
        sent += client.stream.write(&piece[..PIECE.min(LARGE - sent)]).await.unwrap();
    }
    let answer = client.rest().await;
    assert!(answer.ends_with(&format!("\r\n\r\n{LARGE}")), "{answer}");
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_large_answer_waits_at_the_service_until_the_client_reads_it() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let pieces = async move || {
        let pieces = stream::iter(0..LARGE / PIECE).map(move |_| {
            counted.fetch_add(PIECE, Ordering::Relaxed);
            Ok::<_, Error>(Bytes::from_static(&[0; PIECE]))
        });
        Body::from_stream(pieces)
    };
    let (service, address) = serve(Router::new().route("/api/things", get(pieces))).await;
    let (ingress, api) = before(address).await;
    let mut client = Client::new(api.address, "GET /api/things HTTP/1.0\r\n\r\n").await;
    until("it stands still", || async {
        let before = made.load(Ordering::Relaxed);
        tokio::time::sleep(STILL).await;
        before > 0 && before == made.load(Ordering::Relaxed)
    })
    .await;
    let waiting = made.load(Ordering::Relaxed);
    assert!(waiting < IN_BETWEEN, "somebody keeps what nobody reads: {waiting}");
    timeout(LIMIT, client.stream.read_to_end(&mut client.seen)).await.unwrap().unwrap();
    let head = client.seen.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(client.seen.len() - head, LARGE);
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test(flavor = "multi_thread")] // so that reading, writing and closing may happen in any order
async fn the_services_refusal_of_a_body_reaches_a_client_that_still_sends() {
    let limited = post(async |body: Body| extract::read(body).await.map(|_| ()));
    let unread = post(async || ApiError::NotFound);
    let router = Router::new().route("/api/things", limited).route("/api/things/unread", unread);
    let (service, address) = serve(router).await;
    let (ingress, api) = before(address).await;
    let paths = [("/api/things", 413), ("/api/things/unread", 404), ("/api/unknown", 404)];
    let refused = paths.into_iter().cycle().take(60).map(async |(path, status)| {
        let answer = api.raw(&[post_of(path, LARGE / 8).as_bytes(), &vec![0; LARGE / 8]].concat()).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.is_some_refusal();
    });
    stream::iter(refused).buffer_unordered(4).collect::<Vec<()>>().await;
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_body_of_a_known_length_stays_one_and_an_empty_one_stays_empty() {
    let lengths = post(async |headers: axum::http::HeaderMap, body: Body| {
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        format!("{:?} {:?} {}", header("content-length"), header("transfer-encoding"), body.len())
    });
    let (service, address) = serve(Router::new().route("/api/things", lengths)).await;
    let (ingress, api) = before(address).await;
    for (body, seen) in [("", r#"Some("0") None 0"#), ("12345", r#"Some("5") None 5"#)] {
        assert_eq!(api.request("POST", "/api/things", "", body.as_bytes()).await.body, seen);
    }
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}
