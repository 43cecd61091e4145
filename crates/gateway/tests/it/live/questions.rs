//! Who may watch what.

use std::time::Duration;

use common::extract::SessionKey;
use serde_json::json;
use testkit::{Api, Broker, KEY, Reading, SOMEBODY, WebSocket, field, message, session_for, until};

use super::gateways::Gateway;

#[tokio::test]
async fn a_bad_question_is_answered_with_what_is_wrong_in_the_contracts_shape() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let api = Api { address: gateway.address };
    let cases = [
        ("", "tickets", "Say what to watch: tickets=all, tickets=ID or order=ID"),
        ("tickets=some", "tickets", "tickets must be `all` or the id of a ticket"),
        ("order=5", "order", "order must be the id of an order"),
        ("tickets=all&after=5", "after", "after must be a position, as GET /api/live/position answers it"),
        ("tickets=all&after=abc-%2B5", "after", "after must be a position, as GET /api/live/position answers it"),
    ];
    for (query, name, problem) in cases {
        api.get(&format!("/api/live?{query}"), "").await.is_error(400, &json!([field(name, problem)]));
    }
    api.get("/api/live/nothing", "").await.is_error(404, &message("Not Found"));
    let order = format!("/api/live?order={SOMEBODY}");
    api.get(&order, "").await.is_error(401, &message("Not authorized"));
    // The orders service is nowhere.
    let away = api.get(&order, &session_for(SOMEBODY)).await;
    away.is_error(503, &message("Live changes are not available at the moment"));
    gateway.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_page_of_another_site_can_not_open_a_websocket() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker, "gateway-1").await;
    let path = "/api/live?tickets=all";
    let own = format!("http://{}", gateway.address);
    WebSocket::with(gateway.address, path, &[("origin", &own)]).await.unwrap();
    for origin in ["http://evil.example", "null"] {
        assert_eq!(WebSocket::with(gateway.address, path, &[("origin", origin)]).await.unwrap_err(), 400);
    }
    gateway.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn one_user_does_not_take_all_connections_and_one_that_is_closed_is_free_again() {
    let broker = Broker::start().await;
    let gateway =
        Gateway::with(&broker, "gateway-1", &[("LIVE__MAX_PER_USER", "3"), ("LIVE__MAX_CONNECTIONS", "5")]).await;
    let path = "/api/live?tickets=all";
    let cookie = session_for(SOMEBODY);
    let signed_in = [("cookie", &*cookie)];
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reading::with(gateway.address, path, &signed_in).await);
    }
    assert_eq!(Reading::with(gateway.address, path, &signed_in).await.status, 503);
    for _ in 0..2 {
        readers.push(Reading::open(gateway.address, path).await);
    }
    assert_eq!(Reading::open(gateway.address, path).await.status, 503);
    assert!(readers.iter().all(|reader| reader.status == 200));
    drop(readers);
    until("a place is free", || async { Reading::with(gateway.address, path, &signed_in).await.status == 200 }).await;
    gateway.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn one_address_does_not_take_all_connections_whoever_its_proxy_and_its_users_are() {
    let broker = Broker::start().await;
    let gateway = Gateway::with(&broker, "gateway-1", &[("LIVE__MAX_PER_ADDRESS", "2")]).await;
    let path = "/api/live?tickets=all";
    let cookies = [SOMEBODY, "507f1f77bcf86cd799439012", "507f1f77bcf86cd799439013"].map(session_for);
    let from = async |address: &str, cookie: &str| {
        let headers = [("x-forwarded-for", address), ("cookie", cookie)];
        Reading::with(gateway.address, path, &headers).await
    };
    let mut readers = Vec::new();
    for address in ["203.0.113.1", "203.0.113.2", "2001:db8::1"] {
        readers.push(from(address, &cookies[0]).await);
        readers.push(from(address, &cookies[1]).await);
        assert_eq!(from(address, &cookies[2]).await.status, 503, "{address}");
        assert_eq!(from(address, "").await.status, 503, "{address}");
        assert_eq!(
            from(&format!("203.0.113.77, {address}"), "").await.status,
            503,
            "what a client says itself is nothing"
        );
    }
    assert!(readers.iter().all(|reader| reader.status == 200));
    drop(readers);
    until("a place is free", || async { from("203.0.113.1", &cookies[2]).await.status == 200 }).await;
    gateway.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn public_changes_do_not_end_with_a_session() {
    let broker = Broker::start().await;
    let gateway = Gateway::with(&broker, "gateway-1", &[("LIVE__KEEP_ALIVE_SECONDS", "1")]).await;
    let id = serde_json::from_value(json!(SOMEBODY)).unwrap();
    let session = SessionKey::new(KEY).sign(id, "test@test.com".to_owned(), Duration::from_secs(1)).unwrap();
    let cookie = format!("session={session}");
    let mut reading = Reading::with(gateway.address, "/api/live?tickets=all", &[("cookie", &cookie)]).await;
    reading.through("\n\n").await;
    for _ in 0..3 {
        assert_eq!(reading.through("\n\n").await, ":\n\n");
    }
    gateway.stop().await;
    broker.stop().await;
}
