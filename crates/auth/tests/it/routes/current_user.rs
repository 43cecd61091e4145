//! GET /api/users/currentuser

use std::time::Duration;

use common::events::UserId;
use common::extract::SessionKey;
use testkit::{KEY, no_sessions};

use crate::app::App;

const PATH: &str = "/api/users/currentuser";
const NOBODY: &str = r#"{"currentUser":null}"#;

#[tokio::test]
async fn responds_with_details_about_the_current_user() {
    let app = App::start().await;
    let signed_up = app.sign_up("test@test.com").await;
    let answer = app.get(PATH, &signed_up.cookie()).await;
    let (id, iat) = (signed_up.json()["id"].clone(), answer.json()["currentUser"]["iat"].clone());
    assert!(iat.is_u64());
    let expected = format!(r#"{{"currentUser":{{"id":{id},"email":"test@test.com","iat":{iat}}}}}"#);
    assert_eq!((answer.status, answer.body), (200, expected));
    app.stop().await;
}

#[tokio::test]
async fn responds_with_null_if_not_authenticated() {
    let app = App::start().await;
    let answer = app.request("GET", PATH, "", b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, NOBODY));
    app.stop().await;
}

fn id() -> UserId {
    "507f1f77bcf86cd799439011".parse().unwrap()
}

#[tokio::test]
async fn a_session_is_valid_in_any_form_of_base64_and_among_other_cookies() {
    let app = App::start().await;
    let value = SessionKey::new(KEY).sign(id(), "a@b.com".to_owned(), Duration::from_secs(60)).unwrap();
    let bare = value.trim_end_matches('=');
    let url_safe = bare.replace('+', "-").replace('/', "_");
    for cookie in [format!("session={value}"), format!("a=b; session={bare}; c=d"), format!("session={url_safe}")] {
        let answer = app.get(PATH, &cookie).await;
        assert_eq!(answer.json()["currentUser"]["email"], "a@b.com", "{cookie}");
    }
    app.stop().await;
}

/// Sessions until the year 2286 that Python's hmac has signed with [`KEY`].
const WITH_HS256: &str = "eyJqd3QiOiJleUpoYkdjaU9pSklVekkxTmlJc0luUjVjQ0k2SWtwWFZDSjkuZXlKcFpDSTZJalV3TjJZeFpqYzNZbU5tT0RaalpEYzVPVFF6T1RBeE1TSXNJbVZ0WVdsc0lqb2lZVUJpTG1OdmJTSXNJbWxoZENJNk1Td2laWGh3SWpvNU9UazVPVGs1T1RrNWZRLkt1MEgyellaNXNkX3dGeXppYUpDcFlOVmJiZ0NtdTRwRnRzUV9yTnhiaUEifQ==";
const WITH_HS512: &str = "eyJqd3QiOiJleUpoYkdjaU9pSklVelV4TWlJc0luUjVjQ0k2SWtwWFZDSjkuZXlKcFpDSTZJalV3TjJZeFpqYzNZbU5tT0RaalpEYzVPVFF6T1RBeE1TSXNJbVZ0WVdsc0lqb2lZVUJpTG1OdmJTSXNJbWxoZENJNk1Td2laWGh3SWpvNU9UazVPVGs1T1RrNWZRLjVpcEpaSXZ1N3hqZWZwODJSYzl1VFpDN0oyVEFTams0eElVR2wzVnUxbEFvdzQwX1NuV3lYYjV6Z3pQckhZNTBELVpXQ0lTNk1KWENuOWdXNlhUa1pnIn0=";

#[tokio::test]
async fn a_session_that_another_implementation_has_signed_is_valid_if_its_algorithm_is_hs256() {
    assert_eq!(KEY, "a key for tests");
    let app = App::start().await;
    let answer = app.get(PATH, &format!("session={WITH_HS256}")).await;
    assert_eq!(answer.json()["currentUser"]["email"], "a@b.com");
    assert_eq!(app.get(PATH, &format!("session={WITH_HS512}")).await.body, NOBODY);
    app.stop().await;
}

#[tokio::test]
async fn cookies_of_other_programs_sign_nobody_out_whatever_their_bytes() {
    let app = App::start().await;
    let value = SessionKey::new(KEY).sign(id(), "a@b.com".to_owned(), Duration::from_secs(60)).unwrap();
    for others in
        ["town=K\u{f6}ln", "=", ";;", "a=\"x y\\z\"", "session", "sessions=1", "session=of-another-program", "session="]
    {
        for cookie in [format!("{others}; session={value}"), format!("session={value}; {others}")] {
            let answer = app.get(PATH, &cookie).await;
            assert_eq!(answer.json()["currentUser"]["email"], "a@b.com", "{cookie}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_forged_expired_or_unsigned_session_is_ignored() {
    let app = App::start().await;
    for cookie in no_sessions().await {
        let answer = app.get(PATH, &cookie).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, NOBODY), "{cookie}");
    }
    app.stop().await;
}
