//! Which headers pass.

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::Client;
use super::things::things;
use super::{before, serve};

#[tokio::test]
async fn what_belongs_to_the_clients_connection_stays_there_and_it_cannot_say_how_the_request_came() {
    let (told, _) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    let headers = "Connection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\n\
                   TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: secret\r\nX-Forwarded-Proto: https\r\n\
                   X-Theirs: 2\r\n";
    let answer = api.request("GET", "/api/things/headers", headers, b"").await;
    let seen = answer.body;
    for header in [r#""host": "ticketing.dev""#, r#""x-theirs": "2""#, r#""x-forwarded-proto": "http""#] {
        assert!(seen.contains(header), "{header} is missing: {seen}");
    }
    for header in ["connection", "x-mine", "keep-alive", "te", "upgrade", "proxy-authorization", "https", "secret"] {
        assert!(!seen.contains(&format!("\"{header}\"")), "{header} has passed: {seen}");
    }
    // A request-target that names the host counts for more than the header.
    let request =
        "GET http://a@real.dev:81/api/things/headers HTTP/1.1\r\nhost: other.dev\r\nconnection: close\r\n\r\n";
    let seen = Client::new(api.address, request).await.rest().await;
    assert!(seen.contains(r#""host": "real.dev:81""#), "{seen}");
    ingress.stop().await.result.unwrap();
    service.stop().await.result.unwrap();
}

#[tokio::test]
async fn what_belongs_to_the_services_connection_does_not_reach_the_client_and_everything_else_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ingress, api) = before(listener.local_addr().unwrap()).await;
    let (answer, ()) = tokio::join!(api.request("HEAD", "/api/things", "", b""), async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut service = Client { stream, seen: Vec::new() };
        service.sees(b"\r\n\r\n").await;
        service
            .send(
                b"HTTP/1.1 200 OK\r\nConnection: close, X-Inner\r\nX-Inner: 1\r\nKeep-Alive: timeout=9\r\n\
                  Content-Length: 7\r\nSet-Cookie: a=b\r\nETag: \"x\"\r\n\r\n",
            )
            .await;
    });
    assert_eq!(answer.status, 200);
    for (name, value) in [("content-length", "7"), ("set-cookie", "a=b"), ("etag", "\"x\"")] {
        assert_eq!(answer.headers[name], value, "{answer:?}");
    }
    for name in ["x-inner", "keep-alive"] {
        assert!(!answer.headers.contains_key(name), "{answer:?}");
    }
    ingress.stop().await.result.unwrap();
}
