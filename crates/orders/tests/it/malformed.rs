//! Malformed requests: each is answered with the right 4xx in the contract's shape.

use serde_json::json;
use testkit::{message, no_sessions};

use crate::app::{PATH, World, signin};

#[tokio::test]
async fn an_unknown_path_is_not_found_with_any_method() {
    let world = World::start().await;
    for (method, path) in [
        ("GET", "/".to_owned()),
        ("PUT", PATH.to_owned()),
        ("DELETE", PATH.to_owned()),
        ("POST", format!("{PATH}/507f1f77bcf86cd799439011")),
        ("GET", format!("{PATH}/507f1f77bcf86cd799439011/ticket")),
    ] {
        world.app.request(method, &path, "", b"").await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_a_400_and_one_over_100_kb_a_413() {
    let world = World::start().await;
    let headers = format!("content-type: application/json\r\ncookie: {}\r\n", signin());
    let deep = "{\"ticketId\":".repeat(8_000);
    for body in [&b"{"[..], b"null", b"5", b"\"x\"", deep.as_bytes(), b"{\"ticketId\":\"\xff\xfe\"}"] {
        let answer = world.app.request("POST", PATH, &headers, body).await;
        answer.is_error(400, &message("Something went wrong"));
    }
    let huge = json!({ "ticketId": "x".repeat(200_000) }).to_string();
    let answer = world.app.request("POST", PATH, &headers, huge.as_bytes()).await;
    answer.is_error(413, &message("Request body is larger than 100 kB"));
    world.stop().await;
}

#[tokio::test]
async fn a_forged_expired_or_unsigned_session_is_not_authorized() {
    let world = World::start().await;
    let id = format!("{PATH}/507f1f77bcf86cd799439011");
    for cookie in no_sessions().await {
        for (method, path) in [("GET", PATH), ("POST", PATH), ("GET", id.as_str()), ("DELETE", id.as_str())] {
            world.app.send(method, path, &cookie, &json!({})).await.is_error(401, &message("Not authorized"));
        }
    }
    world.stop().await;
}
