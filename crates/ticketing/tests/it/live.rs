//! Live tickets and orders in the whole application, through its one origin.

use serde_json::{Value, json};
use testkit::{Api, Reading, WebSocket, session_of, until};

use crate::process::Program;

/// The next event of a stream: its name and its data.
async fn event(reading: &mut Reading) -> (String, Value) {
    loop {
        let text = reading.through("\n\n").await;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        if !field("data: ").is_empty() {
            return (field("event: "), serde_json::from_str(&field("data: ")).unwrap());
        }
    }
}

/// The next event of this name for which the question is answered with yes.
async fn seen(reading: &mut Reading, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (found, data) = event(reading).await;
        if found == name && is_it(&data) {
            return data;
        }
    }
}

/// Reserves a ticket; the order, as the API shows it.
async fn reserved(api: Api, session: &str, ticket: &Value) -> Value {
    let body = json!({ "ticketId": ticket });
    until("the ticket is reserved", || async { api.send("POST", "/api/orders", session, &body).await.status == 201 })
        .await;
    let orders = api.get("/api/orders", session).await.json();
    orders.as_array().unwrap().iter().find(|order| order["ticket"]["id"] == *ticket).unwrap().clone()
}

#[tokio::test]
async fn a_buyer_sees_the_order_change_and_everybody_the_ticket_and_nobody_the_order_of_another() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &["--order-window-seconds", "60"]);
    let api = Api { address: program.api() };
    let (seller, buyer) = (session_of_program(&api, "seller").await, session_of_program(&api, "buyer").await);
    let position = api.get("/api/live/position", "").await.expect(200)["position"].as_str().unwrap().to_owned();
    let path = format!("/api/live?tickets=all&after={position}");
    let mut everybody = Reading::open(api.address, &path).await;

    let sold = api.send("POST", "/api/tickets", &seller, &json!({ "title": "concert", "price": 20 })).await;
    let ticket = sold.expect(201)["id"].clone();
    let public = json!({ "id": ticket, "title": "concert", "price": 20, "version": 0, "reserved": false });
    assert_eq!(event(&mut everybody).await, ("ticket".to_owned(), public));
    let order = reserved(api, &buyer, &ticket).await;
    let is_reserved = |data: &Value| data["reserved"] == true && data["version"] == 1;
    seen(&mut everybody, "ticket", is_reserved).await;

    let path = format!("/api/live?order={}", order["id"].as_str().unwrap());
    for (who, status) in [(&*seller, 401), ("", 401)] {
        assert_eq!(api.get(&path, who).await.status, status);
    }
    let mut own = Reading::with(api.address, &path, &[("cookie", &buyer)]).await;
    assert_eq!(event(&mut own).await, ("order".to_owned(), order.clone()));
    let mut websocket = WebSocket::with(api.address, &path, &[("cookie", &buyer)]).await.unwrap();
    websocket.text().await; // the position
    let first: Value = serde_json::from_str(&websocket.text().await).unwrap();
    assert_eq!((&first["event"], &first["data"]), (&json!("order"), &order));

    let payment = json!({ "token": "tok_visa", "orderId": order["id"] });
    until("paid", || async { api.send("POST", "/api/payments", &buyer, &payment).await.status == 201 }).await;
    let complete = seen(&mut own, "order", |data| data["status"] == "complete").await;
    assert_eq!(complete, api.get(&format!("/api/orders/{}", order["id"].as_str().unwrap()), &buyer).await.json());
    loop {
        let frame: Value = serde_json::from_str(&websocket.text().await).unwrap();
        if frame["data"]["status"] == "complete" {
            break;
        }
    }
    // Another order is cancelled, and the ticket is free again.
    let sold = api.send("POST", "/api/tickets", &seller, &json!({ "title": "opera", "price": 30 })).await;
    let ticket = sold.expect(201)["id"].clone();
    let order = reserved(api, &buyer, &ticket).await;
    let path = format!("/api/orders/{}", order["id"].as_str().unwrap());
    let live = format!("/api/live?order={}&tickets={}", order["id"].as_str().unwrap(), ticket.as_str().unwrap());
    let mut own = Reading::with(api.address, &live, &[("cookie", &buyer)]).await;
    assert_eq!(api.send("DELETE", &path, &buyer, &json!({})).await.status, 204);
    seen(&mut own, "order", |data| data["status"] == "cancelled").await;
    seen(&mut everybody, "ticket", |data| data["id"] == ticket && data["reserved"] == false && data["version"] == 2)
        .await;
    assert_eq!(program.interrupt(), Some(0));
    for reading in [own, everybody] {
        assert!(reading.rest().await.1, "the last chunk comes through the origin too");
    }
    assert_eq!(websocket.code().await, Some(1001));
}

/// Signs up at the program, whose key the test does not know.
async fn session_of_program(api: &Api, name: &str) -> String {
    let person = json!({ "email": format!("{name}@test.com"), "password": "password" });
    api.post("/api/users/signup", &person).await.cookie()
}

#[tokio::test]
async fn watching_an_order_ends_with_the_session() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &["--jwt-key", testkit::KEY]);
    let api = Api { address: program.api() };
    let seller = session_of("seller@test.com");
    let sold = api.send("POST", "/api/tickets", &seller, &json!({ "title": "concert", "price": 20 })).await;
    let key = common::extract::SessionKey::new(testkit::KEY);
    // The order takes its time under load; the session that watches it is made afterwards.
    let id = testkit::new_id();
    let session = |seconds| {
        let good_for = std::time::Duration::from_secs(seconds);
        format!("session={}", key.sign(id, "buyer@test.com".to_owned(), good_for).unwrap())
    };
    let order = reserved(api, &session(600), &sold.expect(201)["id"]).await;
    let buyer = session(8);
    let path = format!("/api/live?order={}", order["id"].as_str().unwrap());
    let reading = Reading::with(api.address, &path, &[("cookie", &buyer)]).await;
    let mut websocket = WebSocket::with(api.address, &path, &[("cookie", &buyer)]).await.unwrap();
    let (text, is_whole) = reading.rest().await;
    assert!(is_whole && text.ends_with("event: signed-out\ndata: {}\n\n"), "{text}");
    assert_eq!(websocket.code().await, Some(4401));
    assert_eq!(program.interrupt(), Some(0));
}
