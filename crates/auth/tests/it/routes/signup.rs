//! POST /api/users/signup

use futures_util::future::join_all;
use serde_json::json;
use testkit::{field, message};

use crate::app::App;

const PATH: &str = "/api/users/signup";
const EMAIL: &str = "Email must be valid";
const PASSWORD: &str = "Password must be between 8 and 128 characters";

#[tokio::test]
async fn returns_a_201_on_successful_signup_and_sets_a_cookie() {
    let app = App::start().await;
    let answer = app.sign_up("test@test.com").await;
    assert_eq!(answer.status, 201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.body, format!(r#"{{"email":"test@test.com","id":"{id}"}}"#));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.starts_with("session=") && cookie.ends_with("; path=/; httponly; samesite=lax"), "{cookie}");
    app.stop().await;
}

#[tokio::test]
async fn the_cookie_is_secure_when_the_request_came_by_https() {
    let app = App::start().await;
    let body = json!({ "email": "test@test.com", "password": "password" }).to_string();
    let headers = "content-type: application/json\r\nx-forwarded-proto: https\r\n";
    let answer = app.request("POST", PATH, headers, body.as_bytes()).await;
    assert!(answer.headers["set-cookie"].ends_with("; path=/; secure; httponly; samesite=lax"), "{answer:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_is_no_trusted_proxy_is_not_believed_that_it_came_by_https() {
    let app = App::with(&[("HTTP__TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let body = json!({ "email": "test@test.com", "password": "password" }).to_string();
    let headers = "content-type: application/json\r\nx-forwarded-proto: https\r\n";
    let answer = app.request("POST", PATH, headers, body.as_bytes()).await;
    assert!(!answer.headers["set-cookie"].contains("secure"), "{answer:?}");
    app.stop().await;
}

#[tokio::test]
async fn returns_a_400_with_an_invalid_email_or_password_naming_each() {
    let app = App::start().await;
    for email in [
        json!("nonsense"),
        json!("a@b"),
        json!(" a@b.com"),
        json!(""),
        json!(5),
        json!({"$gt": ""}),
        json!(["a@b.com"]),
    ] {
        let answer = app.post(PATH, &json!({ "email": email, "password": "password" })).await;
        answer.is_error(400, &json!([field("email", EMAIL)]));
    }
    for password in [json!("1234567"), json!("x".repeat(129)), json!(12_345_678), json!({"$gt": ""}), json!(null)] {
        let answer = app.post(PATH, &json!({ "email": "test@test.com", "password": password })).await;
        answer.is_error(400, &json!([field("password", PASSWORD)]));
    }
    app.stop().await;
}

#[tokio::test]
async fn returns_a_400_with_missing_email_and_password() {
    let app = App::start().await;
    for body in [json!({}), json!([])] {
        let answer = app.post(PATH, &body).await;
        answer.is_error(400, &json!([field("email", EMAIL), field("password", PASSWORD)]));
    }
    app.stop().await;
}

#[tokio::test]
async fn disallows_duplicate_emails_regardless_of_case() {
    let app = App::start().await;
    assert_eq!(app.sign_up("test@test.com").await.status, 201);
    for email in ["test@test.com", "TEST@Test.com"] {
        app.sign_up(email).await.is_error(400, &message("Email in use"));
    }
    app.stop().await;
}

#[tokio::test]
async fn of_ten_concurrent_sign_ups_with_one_email_one_succeeds() {
    let app = App::start().await;
    let answers = join_all((0..10).map(|_| app.sign_up("test@test.com"))).await;
    let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((created.len(), refused.len()), (1, 9));
    for answer in refused {
        answer.is_error(400, &message("Email in use"));
    }
    app.stop().await;
}

/// White space and every other character counts.
#[tokio::test]
async fn a_password_is_used_verbatim() {
    let app = App::start().await;
    let body = json!({ "email": "test@test.com", "password": "  pässword " });
    assert_eq!(app.post(PATH, &body).await.status, 201);
    assert_eq!(app.post("/api/users/signin", &body).await.status, 200);
    let trimmed = json!({ "email": "test@test.com", "password": "pässword" });
    app.post("/api/users/signin", &trimmed).await.is_error(400, &message("Invalid credentials"));
    app.stop().await;
}
