//! Malformed requests: each is answered with the right 4xx in the contract's shape.

use testkit::{message, no_sessions, session_of};

use crate::app::PATH;
use crate::world::World;

#[tokio::test]
async fn an_unknown_path_is_not_found_and_a_malformed_body_a_400() {
    let world = World::start().await;
    for (method, path) in [("GET", "/"), ("GET", PATH), ("PUT", PATH), ("GET", "/api/payments/a/b")] {
        world.app.request(method, path, "", b"").await.is_error(404, &message("Not Found"));
    }
    let headers = format!("content-type: application/json\r\ncookie: {}\r\n", session_of("test@test.com"));
    for body in [&b"{"[..], b"null", b"5", b"{\"token\":\"\xff\xfe\"}"] {
        let answer = world.app.request("POST", PATH, &headers, body).await;
        answer.is_error(400, &message("Something went wrong"));
    }
    for cookie in no_sessions().await {
        let answer = world.app.request("POST", PATH, &format!("cookie: {cookie}\r\n"), b"{}").await;
        answer.is_error(401, &message("Not authorized"));
    }
    world.stop().await;
}
