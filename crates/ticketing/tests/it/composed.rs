//! All services together, on servers that are somebody else's.

use serde_json::json;
use testkit::{Api, Broker, Database, GuardedMongod, KEY, free_port, message, session_of, until};

use crate::process::{Program, run};

#[tokio::test]
async fn servers_that_run_are_used_and_each_service_has_a_database_of_its_own_there() {
    let (broker, database) = (Broker::start().await, Database::new());
    let data = tempfile::tempdir().unwrap();
    let program =
        Program::start(data.path(), &["--nats-url", broker.url(), "--mongo-uri", database.uri(), "--jwt-key", KEY]);
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
    assert_eq!(names, ["auth", "bank", "orders", "payments", "tickets"].map(|service| format!("{base}-{service}")));
    // A stale cancellation takes the ticket from nobody.
    let buyer = session_of("buyer@test.com");
    let first = api.get("/api/orders", &session).await.json()[0]["id"].as_str().unwrap().to_owned();
    let cancel = async || api.send("DELETE", &format!("/api/orders/{first}"), &session, &json!({})).await.status;
    assert_eq!(cancel().await, 204);
    until("reserved by another", || async {
        api.send("POST", "/api/orders", &buyer, &json!({ "ticketId": ticket })).await.status == 201
    })
    .await;
    assert_eq!(cancel().await, 204);
    until("locked again", || async { api.get("/api/tickets", "").await.body == "[]" }).await;
    assert_eq!(api.get("/api/orders", &buyer).await.json()[0]["status"], "created");
    assert_eq!(program.interrupt(), Some(0));
    broker.stop().await;
}

#[tokio::test]
async fn a_login_without_a_database_serves_the_application_and_the_operators_tool() {
    let (broker, mongod) = (Broker::start().await, GuardedMongod::with_login().await);
    mongod.create_user("admin", "simple", "p@ss").await;
    let data = tempfile::tempdir().unwrap();
    let uri = format!("mongodb://simple:p%40ss@{}/?replicaSet=rs0", mongod.host());
    let servers = ["--nats-url", broker.url(), "--mongo-uri", &uri];
    let program = Program::start(data.path(), &[&servers[..], &["--jwt-key", KEY]].concat());
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    assert_eq!(api.post("/api/users/signup", &person).await.status, 201);
    assert!(!program.guide.contains("p%40ss"), "{}", program.guide);
    for doing in [&["bus", "audit"][..], &["bus", "replay", "orders-service"]] {
        let output = run(&[doing, &servers[..]].concat(), data.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong =
        run(&["bus", "audit", "--nats-url", broker.url(), "--mongo-uri", &uri.replace("p%40ss", "wrong")], data.path());
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("the database refuses the connection") && !said.contains("no MongoDB"), "{said}");
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
    api.post("/api/payments", &json!({})).await.is_error(401, &message("Not authorized"));
    let listed = api.get("/api/tickets?limit=1", "").await;
    assert_eq!((listed.status, listed.body.as_str()), (200, "[]"));
    let page = api.get("/", "").await;
    assert_eq!((page.status, &*page.headers["content-type"]), (200, "text/html; charset=utf-8"));
    for (method, path) in
        [("GET", "/api"), ("GET", "/api/nowhere"), ("POST", "/api/refunds"), ("DELETE", "/api/users/signup")]
    {
        api.request(method, path, "", b"").await.is_error(404, &message("Not Found"));
    }
    // A proxy on this machine, which takes https, is believed.
    let body = json!({ "email": "test@test.com", "password": "password" }).to_string();
    let headers = "content-type: application/json\r\nx-forwarded-proto: https\r\n";
    let answer = api.request("POST", "/api/users/signup", headers, body.as_bytes()).await;
    assert!(answer.headers["set-cookie"].contains("secure"), "{answer:?}");
    let huge = json!({ "email": "x".repeat(200_000) }).to_string();
    let answer = api.request("POST", "/api/users/signup", "content-type: application/json\r\n", huge.as_bytes()).await;
    answer.is_error(413, &message("Request body is larger than 100 kB"));
    let head = "POST /api/users/signup HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    for broken in ["transfer-encoding: chunked\r\n\r\nnonsense\r\n", "content-length: x\r\n\r\n"] {
        assert_eq!(api.raw(format!("{head}{broken}").as_bytes()).await.status, 400);
    }
    for path in ["/API/Users/CurrentUser/", "/api/users/currentuser"] {
        let answer = api.request("GET", path, "x-correlation-id: mine\r\n", b"").await;
        assert_eq!((answer.status, answer.headers["x-correlation-id"].as_str()), (200, "mine"));
    }
    api.get("/api/users/currentuser//", "").await.is_error(404, &message("Not Found"));
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn a_page_of_another_site_can_change_nothing_through_the_one_origin_and_its_own_pages_can_also_by_https() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    let send = async |path: &str, headers: &str| {
        let headers = format!("content-type: application/json\r\n{headers}\r\n");
        api.request("POST", path, &headers, b"{}").await
    };
    for path in ["/api/users/signout", "/api/tickets", "/api/orders", "/api/payments"] {
        for headers in ["sec-fetch-site: cross-site", "origin: https://evil.example", "origin: null"] {
            let refused = message("This request comes from another site and is refused");
            send(path, headers).await.is_error(403, &refused);
        }
    }
    for headers in [
        "sec-fetch-site: same-origin",
        "origin: http://ticketing.dev",
        "x-forwarded-proto: https\r\norigin: https://ticketing.dev",
    ] {
        send("/api/users/signout", headers).await.expect(200);
        send("/api/tickets", headers).await.is_error(401, &message("Not authorized"));
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn the_origin_answers_before_anything_behind_it_is_there_and_says_when_to_try_again() {
    let data = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut program = Program::begin(data.path(), &address, &[]);
    let api = Api { address: address.parse().unwrap() };
    let request = b"GET /api/tickets HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    until("it listens", || async { api.try_raw(request).await.is_some() }).await;
    let answer = api.raw(request).await;
    answer.is_error(503, &message("This service is not available now, please try again"));
    assert_eq!(answer.headers["retry-after"], "1");
    api.get("/api/unknown", "").await.is_error(404, &message("Not Found"));
    program.wait_until_ready();
    assert_eq!(api.get("/api/tickets", "").await.body, "[]");
    assert_eq!(program.interrupt(), Some(0));
}
