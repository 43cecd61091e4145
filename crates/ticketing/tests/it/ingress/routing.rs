//! Which service a path leads to, and what is answered when it leads to none.

use axum::Router;
use axum::http::Uri;
use testkit::message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::Client;
use super::things::things;
use super::{before, serve, start};

const AWAY: &str = "This service is not available now, please try again";

/// A service that answers its name and the path it was asked for.
fn named(name: &'static str) -> Router {
    Router::new().fallback(async move |uri: Uri| format!("{name} {uri}"))
}

#[tokio::test]
async fn the_longest_prefix_of_whole_segments_decides_and_an_unknown_api_is_not_found() {
    let (ingress, entrance) = start(&["/", "/api/things", "/api/things/special"]).await;
    let mut servers = Vec::new();
    for (name, route) in ["pages", "things", "special"].into_iter().zip(entrance.routes.iter()) {
        let (server, address) = serve(named(name)).await;
        route.set(address);
        servers.push(server);
    }
    let api = entrance.api;
    for (path, answer) in [
        ("/", "pages /"),
        ("/tickets/new?a=/api/things", "pages /tickets/new?a=/api/things"),
        ("/apis", "pages /apis"),
        ("/api/things", "things /api/things"),
        ("/API/Things/%C3%A4?b=c", "things /API/Things/%C3%A4?b=c"),
        ("/api/things/specials", "things /api/things/specials"),
        ("/api/things/special/1", "special /api/things/special/1"),
    ] {
        let answered = api.get(path, "").await;
        assert_eq!((answered.status, answered.body.as_str()), (200, answer), "{path}");
    }
    for path in ["/api", "/API/", "/api/thingsX", "/api/other", "*"] {
        api.request("OPTIONS", path, "", b"").await.is_error(404, &message("Not Found"));
    }
    ingress.stop().await.result.unwrap();
    for server in servers {
        server.stop().await.result.unwrap();
    }
}

#[tokio::test]
async fn a_service_is_unavailable_before_it_is_ready_and_after_it_has_stopped_and_found_again_where_it_comes_back() {
    let (ingress, entrance) = start(&["/api/things"]).await;
    let (api, route) = (entrance.api, &entrance.routes[0]);
    let is_away = async |when: &str| {
        let answer = api.get("/api/things", "").await;
        answer.is_error(503, &message(AWAY));
        assert_eq!(answer.headers["retry-after"], "1", "{when}");
    };
    is_away("before it is ready").await;
    let (told, _) = mpsc::unbounded_channel();
    let (first, address) = serve(things(&told)).await;
    route.set(address);
    assert_eq!(api.get("/api/things", "").await.body, "all things");
    first.stop().await.result.unwrap();
    is_away("after it has stopped, with a kept connection to it").await;
    let (second, address) = serve(things(&told)).await;
    route.set(address);
    assert_eq!(api.get("/api/things", "").await.body, "all things");
    route.clear();
    is_away("while it runs, but is not ready").await;
    second.stop().await.result.unwrap();
    ingress.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_request_that_could_not_be_sent_over_a_kept_connection_is_sent_over_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ingress, api) = before(listener.local_addr().unwrap()).await;
    let request = "GET /api/things HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    // Each connection is good for one answer, and says nothing about that.
    for _ in 0..20 {
        let mut client = Client::new(api.address, request).await;
        let (stream, _) = listener.accept().await.unwrap();
        let mut service = Client { stream, seen: Vec::new() };
        service.sees(b"\r\n\r\n").await;
        service.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        drop(service);
        let answer = client.rest().await;
        assert!(answer.ends_with("ok"), "{answer}");
    }
    ingress.stop().await.result.unwrap();
}
