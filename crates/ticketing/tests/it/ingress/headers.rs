//! Which headers pass.

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::Client;
use super::things::things;
use super::{before, serve, start_trusting};

#[tokio::test]
async fn what_belongs_to_the_clients_connection_stays_there() {
    let (told, _) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let (ingress, api) = before(address).await;
    let headers = "Connection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\n\
                   TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: secret\r\nX-Theirs: 2\r\n\
                   Origin: https://ticketing.dev\r\n";
    let answer = api.request("GET", "/api/things/headers", headers, b"").await;
    let seen = answer.body;
    for header in [r#""host": "ticketing.dev""#, r#""x-theirs": "2""#, r#""origin": "https://ticketing.dev""#] {
        assert!(seen.contains(header), "{header} is missing: {seen}");
    }
    for header in ["connection", "x-mine", "keep-alive", "te", "upgrade", "proxy-authorization", "secret"] {
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
async fn only_a_trusted_proxy_can_say_from_where_and_how_a_request_came() {
    let (told, _) = mpsc::unbounded_channel();
    let (service, address) = serve(things(&told)).await;
    let forwarded = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n";
    for (trusted, said, way, scheme) in [
        ("127.0.0.0/8", forwarded, "203.0.113.9, 127.0.0.1", "https"),
        ("127.0.0.0/8", "", "127.0.0.1", "http"),
        ("10.0.0.0/8", forwarded, "127.0.0.1", "http"),
        ("", forwarded, "127.0.0.1", "http"),
    ] {
        let (ingress, entrance) = start_trusting(&["/api/things"], trusted.parse().unwrap()).await;
        entrance.routes[0].set(address);
        let seen = entrance.api.request("GET", "/api/things/headers", said, b"").await.body;
        for header in [format!(r#""x-forwarded-for": "{way}""#), format!(r#""x-forwarded-proto": "{scheme}""#)] {
            assert_eq!(seen.matches(&header).count(), 1, "{trusted}: {header} is missing: {seen}");
        }
        assert_eq!(seen.matches("x-forwarded-").count(), 2, "{seen}");
        ingress.stop().await.result.unwrap();
    }
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
