//! One side breaks off, and the other one learns of it.

use testkit::{Api, message};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::{Client, WEBSOCKET};
use super::things::things;
use super::{before, serve};

#[tokio::test]
async fn a_client_that_leaves_ends_its_streams_at_the_service() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    let mut client = Client::new(api.address, "GET /api/things/events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    client.sees(b"data: first").await;
    drop(client);
    assert_eq!(tells.recv().await, Some("the stream ended"));
    let mut client = Client::new(api.address, WEBSOCKET).await;
    client.sees(b"101").await;
    drop(client);
    assert_eq!(tells.recv().await, Some("the socket ended"));
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_request_that_breaks_off_never_becomes_a_complete_one() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    for half in [
        "content-length: 10\r\n\r\n12345",
        "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "transfer-encoding: chunked\r\n\r\n5\r\n123",
        "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\nnonsense\r\n",
    ] {
        let head = format!("POST /api/things/complete HTTP/1.1\r\nhost: a\r\n{half}");
        let mut client = Client::new(api.address, &head).await;
        client.stream.shutdown().await.unwrap();
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(api.request("POST", "/api/things/complete", "", b"12345").await.body, "done");
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
    let seen: Vec<_> = std::iter::from_fn(|| tells.try_recv().ok()).collect();
    let complete = seen.iter().filter(|seen| **seen == "the request is complete").count();
    assert_eq!(complete, 1, "the whole one: {seen:?}");
    assert!(seen.len() > 1, "not one that broke off was passed on as it came");
}

/// What a client gets, to the end of the connection, of a service that sends this and closes.
async fn after(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ingress, api) = before(listener.local_addr().unwrap()).await;
    let mut client = Client::new(api.address, "GET /api/things HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (stream, _) = listener.accept().await.unwrap();
    let mut service = Client { stream, seen: Vec::new() };
    service.sees(b"\r\n\r\n").await;
    service.send(answer.as_bytes()).await;
    if let Some((_, piece)) = answer.split_once("\r\n\r\n") {
        client.sees(piece.as_bytes()).await;
    }
    drop(service);
    let got = client.rest().await;
    ingress.stop().await.result.unwrap();
    got
}

#[tokio::test]
async fn a_service_that_breaks_off_its_answer_breaks_off_the_clients() {
    let chunked = after("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    assert!(chunked.ends_with("5\r\nfirst\r\n"), "no last chunk: {chunked}");
    let short = after("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst").await;
    assert!(short.contains("content-length: 10\r\n") && short.ends_with("\r\n\r\nfirst"), "{short}");
}

#[tokio::test]
async fn a_service_that_breaks_off_before_it_answers_leaves_the_outcome_unknown() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-", "nonsense\n\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ingress, api) = before(listener.local_addr().unwrap()).await;
        let (got, ()) = tokio::join!(ask(api), async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut service = Client { stream, seen: Vec::new() };
            service.sees(b"\r\n\r\n").await;
            service.send(answer.as_bytes()).await;
        });
        got.is_error(502, &message("The service broke off before it answered: the outcome is not known"));
        // It is not sent again.
        let again = tokio::time::timeout(std::time::Duration::from_millis(200), listener.accept()).await;
        assert!(again.is_err(), "{again:?}");
        ingress.stop().await.result.unwrap();
    }
}

async fn ask(api: Api) -> testkit::Answer {
    api.get("/api/things", "").await
}
