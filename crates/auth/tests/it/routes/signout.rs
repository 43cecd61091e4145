//! POST /api/users/signout

use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn clears_the_cookie_after_signing_out() {
    let app = App::start().await;
    app.sign_up("test@test.com").await;
    let answer = app.post("/api/users/signout", &json!({})).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let expected = "session=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly";
    assert_eq!(answer.headers["set-cookie"], expected);
    app.stop().await;
}
