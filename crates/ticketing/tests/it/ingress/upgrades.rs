//! Changes of protocol.

use testkit::message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::{Client, WEBSOCKET, masked};
use super::things::things;
use super::{before, serve};

#[tokio::test]
async fn a_websocket_passes_in_both_directions_and_its_end_too() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    let mut client = Client::new(api.address, WEBSOCKET).await;
    client.sees(b"\r\n\r\n").await;
    let head = String::from_utf8(std::mem::take(&mut client.seen)).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for header in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: "] {
        assert_eq!(head.matches(header).count(), 1, "{head}");
    }
    for text in ["first", "other"] {
        client.send(&masked(text)).await;
        client.sees(&[&[0x81, 5], text.as_bytes()].concat()).await;
    }
    drop(client);
    assert_eq!(tells.recv().await, Some("the socket ended"));
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

/// Asks for the protocol `chat` and hands out both ends.
async fn chat(answer: &str) -> (service::Running<super::Entrance>, Client, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ingress, api) = before(listener.local_addr().unwrap()).await;
    let request = "GET /api/things HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: chat\r\n\r\n";
    let client = Client::new(api.address, request).await;
    let (stream, _) = listener.accept().await.unwrap();
    let mut service = Client { stream, seen: Vec::new() };
    service.sees(b"\r\n\r\n").await;
    let head = String::from_utf8(std::mem::take(&mut service.seen)).unwrap().to_ascii_lowercase();
    assert!(head.contains("\r\nconnection: upgrade\r\n") && head.contains("\r\nupgrade: chat\r\n"), "{head}");
    service.send(answer.as_bytes()).await;
    (ingress, client, service)
}

#[tokio::test]
async fn any_other_protocol_passes_too_and_each_side_ends_its_own_direction() {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\nservice first";
    let (ingress, mut client, mut service) = chat(switched).await;
    client.sees(b"service first").await;
    client.send(b"client last").await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    assert_eq!(service.rest().await, "client last");
    service.send(b", service last").await; // the other direction is still open
    drop(service);
    assert!(client.rest().await.ends_with("service first, service last"));
    ingress.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_client_that_stays_after_the_service_has_ended_delays_no_stop() {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n";
    let (ingress, mut client, service) = chat(switched).await;
    drop(service);
    let outcome = ingress.stop().await;
    assert_eq!((outcome.result.is_ok(), outcome.aborted.len()), (true, 0));
    client.rest().await;
}

#[tokio::test]
async fn a_service_that_does_not_change_the_protocol_is_answered_from_as_always() {
    let (ingress, mut client, _service) = chat("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno").await;
    client.sees(b"\r\n\r\nno").await;
    assert!(client.seen.starts_with(b"HTTP/1.1 400 "));
    drop(client);
    ingress.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_change_of_protocol_that_nobody_asked_for_is_a_bad_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ingress, api) = before(listener.local_addr().unwrap()).await;
    let (answer, ()) = tokio::join!(api.get("/api/things", ""), async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut service = Client { stream, seen: Vec::new() };
        service.sees(b"\r\n\r\n").await;
        service.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n").await;
    });
    answer.is_error(502, &message("The service broke off before it answered: the outcome is not known"));
    ingress.stop().await.result.unwrap();
}
