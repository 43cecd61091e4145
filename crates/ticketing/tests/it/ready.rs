//! What `/readyz` says while a server is away, and that a service comes back by itself.

use std::time::{Duration, Instant};

use events::TicketCreated;
use serde_json::json;
use testkit::{Api, Broker, Mongod, ServiceProgram, course_environment, session_of, stored, until};

#[tokio::test]
async fn a_paused_broker_is_reported_and_selling_goes_on() {
    let (broker, mongod, folder) = (Broker::start().await, Mongod::start().await, tempfile::tempdir().unwrap());
    let uri = mongod.uri("tickets");
    let tickets = course_environment(&uri, broker.url(), "tickets");
    let expiration = course_environment(&uri, broker.url(), "expiration");
    let tickets = ServiceProgram::start("tickets", &tickets, &folder.path().join("tickets"), None);
    let expiration = ServiceProgram::start("expiration", &expiration[2..], &folder.path().join("expiration"), None);
    for program in [&tickets, &expiration] {
        until("ready", || program.is_ready()).await;
    }
    broker.freeze();
    let paused = Instant::now();
    for program in [&tickets, &expiration] {
        until("reported", || async { program.readiness("").await.0 == 503 }).await;
    }
    assert_eq!(tickets.readiness("").await.1, r#"["tickets/nats"]"#);
    assert_eq!(tickets.readiness("?exclude=nats").await.0, 200);
    let api = Api { address: tickets.address };
    let concert = json!({ "title": "concert", "price": 20 });
    api.send("POST", "/api/tickets", &session_of("test@test.com"), &concert).await.expect(201);
    until("ten seconds are over", || async {
        assert_eq!(tickets.readiness("").await.0, 503);
        paused.elapsed() > Duration::from_secs(10)
    })
    .await;
    broker.wake();
    for program in [&tickets, &expiration] {
        until("ready again", || program.is_ready()).await;
    }
    until("it is published", || async { stored::<TicketCreated>(&broker).await.len() == 1 }).await;
    drop((tickets, expiration));
    broker.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn a_killed_database_is_reported_until_it_is_back() {
    let (broker, mut mongod, folder) = (Broker::start().await, Mongod::start().await, tempfile::tempdir().unwrap());
    let uri = mongod.uri("tickets");
    let tickets = course_environment(&uri, broker.url(), "tickets");
    let tickets = ServiceProgram::start("tickets", &tickets, folder.path(), None);
    until("ready", || tickets.is_ready()).await;
    mongod.kill().await;
    until("reported", || async {
        tickets.readiness("?exclude=nats").await == (503, r#"["tickets/store"]"#.to_owned())
    })
    .await;
    mongod.restart().await;
    until("ready again", || tickets.is_ready()).await;
    drop(tickets);
    broker.stop().await;
    mongod.stop().await;
}
