//! Malformed requests: each is answered with a 4xx in the contract's shape.

use serde_json::json;
use testkit::message;

use crate::app::App;

const WRONG: &str = "Something went wrong";

#[tokio::test]
async fn an_unknown_path_is_not_found_with_any_method() {
    let app = App::start().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/users"),
        ("GET", "/api/users/signup"),
        ("DELETE", "/api/users/currentuser"),
        ("PATCH", "/api/users/signin"),
        ("POST", "/api/users/nonsense"),
        ("POST", "/api/users/signup//"),
        ("GET", "/api/users/%ff"),
        ("GET", "/api/../etc/passwd"),
    ] {
        app.request(method, path, "", b"").await.is_error(404, &message("Not Found"));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_a_400() {
    let app = App::start().await;
    let deep = "[".repeat(100_000);
    for body in ["{", "null", "5", "\"x\"", "{\"email\":}", "\u{1}", &deep, "{\"email\":NaN}", "{\"price\":1e999}"] {
        for path in ["/api/users/signup", "/api/users/signin"] {
            let answer = app.request("POST", path, "content-type: application/json\r\n", body.as_bytes()).await;
            answer.is_error(400, &message(WRONG));
        }
    }
    let not_utf8 = b"{\"email\":\"\xff\xfe\"}";
    let answer = app.request("POST", "/api/users/signup", "content-type: application/json\r\n", not_utf8).await;
    answer.is_error(400, &message(WRONG));
    app.stop().await;
}

#[tokio::test]
async fn a_body_over_100_kb_is_a_413() {
    let app = App::start().await;
    let body = json!({ "email": "x".repeat(200_000) }).to_string();
    let answer = app.request("POST", "/api/users/signup", "content-type: application/json\r\n", body.as_bytes()).await;
    answer.is_error(413, &message("Request body is larger than 100 kB"));
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_ignored() {
    let app = App::start().await;
    let body = json!({ "email": "test@test.com", "password": "password" }).to_string();
    for kind in ["", "content-type: text/plain\r\n", "content-type: application/x-www-form-urlencoded\r\n"] {
        let answer = app.request("POST", "/api/users/signup", kind, body.as_bytes()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 2, "{answer:?}");
    }
    app.stop().await;
}
