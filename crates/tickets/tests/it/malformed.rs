//! Malformed requests: each is answered with the right 4xx in the contract's shape.

use serde_json::json;
use testkit::{message, no_sessions};

use crate::app::{PATH, World, signin};

const WRONG: &str = "Something went wrong";

#[tokio::test]
async fn an_unknown_path_is_not_found_with_any_method() {
    let world = World::start().await;
    let id = world.app.ticket(&signin()).await;
    for (method, path) in [
        ("GET", "/".to_owned()),
        ("GET", "/api/ticket".to_owned()),
        ("DELETE", PATH.to_owned()),
        ("PUT", PATH.to_owned()),
        ("PATCH", format!("{PATH}/{id}")),
        ("DELETE", format!("{PATH}/{id}")),
        ("POST", format!("{PATH}/{id}")),
        ("GET", format!("{PATH}/{id}/orders")),
        ("GET", format!("{PATH}//")),
        ("GET", format!("{PATH}/%ff")),
        ("GET", format!("{PATH}/..%2f..%2fetc")),
    ] {
        world.app.request(method, &path, "", b"").await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_a_400_and_one_over_100_kb_a_413() {
    let world = World::start().await;
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    let headers = format!("content-type: application/json\r\ncookie: {seller}\r\n");
    let deep = "{\"title\":".repeat(10_000);
    let huge = json!({ "title": "x".repeat(200_000), "price": 1 }).to_string();
    for (method, path) in [("POST", PATH.to_owned()), ("PUT", format!("{PATH}/{id}"))] {
        let bodies: [&[u8]; 7] =
            [b"{", b"null", b"5", b"\"x\"", deep.as_bytes(), b"{\"title\":\"\xff\xfe\"}", b"{\"price\":NaN}"];
        for body in bodies {
            let answer = world.app.request(method, &path, &headers, body).await;
            answer.is_error(400, &message(WRONG));
        }
        let answer = world.app.request(method, &path, &headers, huge.as_bytes()).await;
        answer.is_error(413, &message("Request body is larger than 100 kB"));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_forged_expired_or_unsigned_session_is_not_authorized() {
    let world = World::start().await;
    let id = world.app.ticket(&signin()).await;
    for cookie in no_sessions().await.iter().map(String::as_str).chain(["", "sess=1"]) {
        for (method, path) in [("POST", PATH.to_owned()), ("PUT", format!("{PATH}/{id}"))] {
            let answer = world.app.send(method, &path, cookie, &json!({ "title": "stolen", "price": 1 })).await;
            answer.is_error(401, &message("Not authorized"));
        }
    }
    world.stop().await;
}
