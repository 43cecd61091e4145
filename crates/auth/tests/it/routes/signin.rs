//! POST /api/users/signin

use serde_json::json;
use testkit::{field, message};

use crate::app::App;

const PATH: &str = "/api/users/signin";

#[tokio::test]
async fn fails_alike_for_an_unknown_email_and_a_wrong_password() {
    let app = App::start().await;
    app.sign_up("test@test.com").await;
    for (email, password) in [("nobody@test.com", "password"), ("test@test.com", "passwort")] {
        let answer = app.post(PATH, &json!({ "email": email, "password": password })).await;
        answer.is_error(400, &message("Invalid credentials"));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    app.stop().await;
}

#[tokio::test]
async fn responds_with_a_cookie_when_given_valid_credentials() {
    let app = App::start().await;
    let signed_up = app.sign_up("Test@test.com").await;
    let answer = app.post(PATH, &json!({ "email": "test@TEST.com", "password": "password" })).await;
    assert_eq!((answer.status, &answer.body), (200, &signed_up.body), "the address as it was typed first");
    let user = app.get("/api/users/currentuser", &answer.cookie()).await;
    assert_eq!(user.json()["currentUser"]["email"], "Test@test.com");
    app.stop().await;
}

#[tokio::test]
async fn names_the_fields_that_are_missing() {
    let app = App::start().await;
    let (email, password) = (field("email", "Email must be valid"), field("password", "You must supply a password"));
    app.post(PATH, &json!({})).await.is_error(400, &json!([email, password]));
    for blank in [json!(""), json!("   "), json!(7), json!({"$ne": null})] {
        let answer = app.post(PATH, &json!({ "email": "test@test.com", "password": blank })).await;
        answer.is_error(400, &json!([password]));
    }
    app.stop().await;
}

#[tokio::test]
async fn whoever_can_sign_up_with_a_password_can_sign_in_with_it() {
    let app = App::start().await;
    let passwords = [
        "        ",
        "\t\t\t\t\n\n\n\n",
        " padded ",
        "p\u{e4}ssw\u{f6}rd",
        "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}",
        "nul\u{0}nul\u{0}",
    ];
    for (number, password) in passwords.into_iter().enumerate() {
        let credentials = json!({ "email": format!("{number}@test.com"), "password": password });
        let (signed_up, signed_in) =
            (app.post("/api/users/signup", &credentials).await, app.post(PATH, &credentials).await);
        assert_eq!((signed_up.status, signed_in.status), (201, 200), "{password:?}");
    }
    app.stop().await;
}
