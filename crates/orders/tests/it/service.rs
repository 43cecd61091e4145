//! The service as a whole: its settings, a broker that is away, overdue orders that no event reports.

use std::time::{Duration, Instant};

use common::events::{Event, ExpirationComplete, OrderCreated, TicketCreated};
use mongodb::bson::doc;
use serde_json::json;
use service::settings::{Settings, Sources};
use testkit::{Api, Broker, Database, ServiceProgram, course_environment, settled, stored, until};

use crate::app::{PATH, World, signin, ticket};

#[test]
fn a_service_without_its_settings_says_which_variables_to_set() {
    let sections = (orders::DECLARATION.sections)();
    let refused = Settings::load(sections, Sources::default()).unwrap_err().to_string();
    for variable in ["JWT_KEY=", "MONGO_URI=mongodb://", "NATS_URL=nats://", "NATS_CLUSTER_ID=", "NATS_CLIENT_ID="] {
        assert!(refused.contains(&format!("must be set: {variable}")), "{refused}");
    }
}

#[tokio::test]
async fn reserving_goes_on_while_the_broker_is_away_and_every_event_arrives_once_when_it_is_back() {
    let mut world = World::start().await;
    let buyer = signin();
    let mut tickets = Vec::new();
    for number in 0..10 {
        tickets.push(world.ticket(&number.to_string()).await);
    }
    world.broker.kill().await;
    let began = Instant::now();
    for ticket in &tickets {
        let id = world.app.order(&buyer, ticket).await;
        assert_eq!(world.app.cancel(&buyer, &id).await.status, 204);
    }
    // A request that waits for the broker takes at least 10 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.broker.restart().await;
    assert_eq!(world.cancellations(10).await.len(), 10);
    until("published", || async { stored::<OrderCreated>(&world.broker).await.len() >= 10 }).await;
    assert_eq!(stored::<OrderCreated>(&world.broker).await.len(), 10);
    world.stop().await;
}

/// As a process of its own, whose log is read.
#[tokio::test]
async fn a_clock_of_the_broker_that_is_ahead_is_warned_of_once() {
    let (database, broker, folder) = (Database::new(), Broker::start().await, tempfile::tempdir().unwrap());
    let course = course_environment(database.uri(), broker.url(), "orders-1");
    let environment = [&course[..], &[("ORDER_WINDOW_SECONDS", "8")]].concat();
    let mut program = ServiceProgram::start("orders", &environment, folder.path(), None);
    until("ready", || program.is_ready()).await;
    let (neighbours, api, buyer) = (broker.connect("tickets-1").await, Api { address: program.address }, signin());
    let copies = database.collection("tickets").await;
    let mut orders = Vec::new();
    for title in ["opera", "concert"] {
        let ticket = ticket(title);
        neighbours.publish_to(TicketCreated::SUBJECT, serde_json::to_string(&ticket).unwrap()).await;
        let copy = doc! { "_id": ticket.id.to_string() };
        until("the copy", || async { copies.count_documents(copy.clone()).await.unwrap() == 1 }).await;
        let answer = api.send("POST", PATH, &buyer, &json!({ "ticketId": ticket.id })).await;
        let id = answer.expect(201)["id"].as_str().unwrap().to_owned();
        neighbours.publish_to(ExpirationComplete::SUBJECT, json!({ "orderId": id }).to_string()).await;
        orders.push(id);
    }
    let warnings = || program.log().matches("the clock of the broker is ahead of this machine's").count();
    until("a warning", async || warnings() > 0).await;
    settled(&broker, "orders-service:expiration-complete").await;
    assert_eq!(warnings(), 1, "{}", program.log());
    for id in orders {
        assert_eq!(api.get(&format!("{PATH}/{id}"), &buyer).await.json()["status"], "cancelled");
    }
    assert_eq!(program.terminate().await, Some(0));
    neighbours.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_overdue_order_is_cancelled_without_an_expiration_event() {
    let world = World::with_window("1").await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    world.app.is(&buyer, &id, "cancelled").await;
    assert_eq!(world.cancellations(1).await[0].id.to_string(), id);
    world.stop().await;
}
