//! All services together, on servers that are somebody else's.

use serde_json::json;
use testkit::{Api, Broker, Database, message, until};

use crate::process::Program;

#[tokio::test]
async fn servers_that_run_are_used_and_each_service_has_a_database_of_its_own_there() {
    let (broker, database) = (Broker::start().await, Database::new());
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &["--nats-url", broker.url(), "--mongo-uri", database.uri()]);
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    let sold = api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await;
    let ticket = sold.expect(201)["id"].clone();
    until("reserved", || async {
        api.send("POST", "/api/orders", &session, &json!({ "ticketId": ticket })).await.status == 201
    })
    .await;
    until("locked", || async { api.get("/api/tickets", "").await.body == "[]" }).await;
    let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
    let base = client.default_database().unwrap().name().to_owned();
    let mut names = client.list_database_names().await.unwrap();
    names.retain(|name| name.starts_with(&format!("{base}-")));
    names.sort_unstable();
    assert_eq!(names, ["auth", "orders", "tickets"].map(|service| format!("{base}-{service}")));
    assert_eq!(program.interrupt(), Some(0));
    broker.stop().await;
}

#[tokio::test]
async fn one_origin_passes_each_request_on_to_its_service_and_everything_else_is_not_found() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    assert_eq!(api.get("/api/users/currentuser", "").await.body, r#"{"currentUser":null}"#);
    api.get("/api/orders", "").await.is_error(401, &message("Not authorized"));
    let listed = api.get("/api/tickets?limit=1", "").await;
    assert_eq!((listed.status, listed.body.as_str()), (200, "[]"));
    for (method, path) in [("GET", "/"), ("GET", "/api"), ("POST", "/api/payments"), ("DELETE", "/api/users/signup")] {
        api.request(method, path, "", b"").await.is_error(404, &message("Not Found"));
    }
    // It is the ingress who says how a request came, whatever is sent.
    let body = json!({ "email": "test@test.com", "password": "password" }).to_string();
    let headers = "content-type: application/json\r\nx-forwarded-proto: https\r\n";
    let answer = api.request("POST", "/api/users/signup", headers, body.as_bytes()).await;
    assert!(!answer.headers["set-cookie"].contains("secure"), "{answer:?}");
    let huge = json!({ "email": "x".repeat(200_000) }).to_string();
    let answer = api.request("POST", "/api/users/signup", "content-type: application/json\r\n", huge.as_bytes()).await;
    answer.is_error(413, &message("Request body is larger than 100 kB"));
    assert_eq!(program.interrupt(), Some(0));
}
