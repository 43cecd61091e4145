//! The expiration service against the real broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::time::Duration;

use common::events::{
    CancelledTicket, Event, ExpirationComplete, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket, Subject,
};
use common::events::{OrderId, Price};
use expiration::PROGRAM;
use service::settings::{Settings, Sources};
use service::{Running, launch};
use testkit::{Broker, Client, new_id, settings, settled, stored, until};
use time::OffsetDateTime;

const CREATED: &str = "expiration-service:order-created";
const CANCELLED: &str = "expiration-service:order-cancelled";

async fn start(broker: &Broker) -> Running<Option<std::net::SocketAddr>> {
    let environment =
        [("NATS_URL", broker.url()), ("NATS_CLUSTER_ID", "ticketing"), ("NATS_CLIENT_ID", "expiration-1")];
    let mut running =
        launch("expiration", PROGRAM).settings(settings((expiration::DECLARATION.sections)(), &environment)).start();
    running.ready().await.unwrap();
    running
}

/// Publishes a new order, and returns its id.
async fn create(orders: &Client, window: Duration) -> OrderId {
    let id: OrderId = new_id();
    let event = OrderCreated {
        id,
        version: 0,
        status: OrderStatus::Created,
        user_id: new_id(),
        expires_at: OffsetDateTime::now_utc() + window,
        ticket: OrderedTicket { id: new_id(), price: Price::from_cents(2000).unwrap() },
    };
    publish(orders, &event).await;
    id
}

async fn publish<E: Event>(orders: &Client, event: &E) {
    orders.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
}

async fn expired(broker: &Broker) -> Vec<OrderId> {
    stored::<ExpirationComplete>(broker).await.into_iter().map(|one| one.event.order_id).collect()
}

async fn until_expired(broker: &Broker, orders: &[OrderId]) {
    until("expired", || async { expired(broker).await.len() >= orders.len() }).await;
    assert_eq!(expired(broker).await, orders);
}

#[tokio::test]
async fn publishes_the_end_of_an_orders_window_with_the_same_id_each_time_and_in_its_trace() {
    let broker = Broker::start().await;
    let (running, orders) = (start(&broker).await, broker.connect("orders-1").await);
    let order = create(&orders, Duration::from_millis(500)).await;
    settled(&broker, CREATED).await;
    assert_eq!(expired(&broker).await, []);
    until_expired(&broker, std::slice::from_ref(&order)).await;
    let told = &stored::<ExpirationComplete>(&broker).await[0];
    assert_eq!(told.event_id, format!("schedule.expiration-complete.{order}"));
    assert!(told.traceparent.is_some() && told.correlation_id.is_some());
    running.stop().await.result.unwrap();
    orders.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_order_whose_window_is_over_already_expires_immediately() {
    let broker = Broker::start().await;
    let orders = broker.connect("orders-1").await;
    let order = create(&orders, Duration::ZERO).await;
    let running = start(&broker).await; // after the event, which a new listener receives too
    until_expired(&broker, &[order]).await;
    running.stop().await.result.unwrap();
    orders.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_cancelled_order_does_not_expire() {
    let broker = Broker::start().await;
    let (running, orders) = (start(&broker).await, broker.connect("orders-1").await);
    let cancelled = create(&orders, Duration::from_millis(600)).await;
    settled(&broker, CREATED).await;
    let ticket = CancelledTicket { id: new_id() };
    publish(&orders, &OrderCancelled { id: cancelled, version: 1, ticket }).await;
    settled(&broker, CANCELLED).await;
    let later = create(&orders, Duration::from_millis(900)).await;
    until_expired(&broker, &[later]).await;
    running.stop().await.result.unwrap();
    orders.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_cancelled_long_window_does_not_delay_a_short_one() {
    let broker = Broker::start().await;
    let (running, orders) = (start(&broker).await, broker.connect("orders-1").await);
    let cancelled = create(&orders, Duration::from_secs(900)).await;
    settled(&broker, CREATED).await;
    let ticket = CancelledTicket { id: new_id() };
    publish(&orders, &OrderCancelled { id: cancelled, version: 1, ticket }).await;
    settled(&broker, CANCELLED).await;
    let short = create(&orders, Duration::from_secs(1)).await;
    until_expired(&broker, &[short]).await;
    running.stop().await.result.unwrap();
    orders.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_window_that_ends_while_neither_service_nor_broker_runs_ends_once_when_the_broker_is_back() {
    let mut broker = Broker::start().await;
    let (running, orders) = (start(&broker).await, broker.connect("orders-1").await);
    let order = create(&orders, Duration::from_secs(1)).await;
    settled(&broker, CREATED).await;
    running.stop().await.result.unwrap();
    broker.kill().await;
    tokio::time::sleep(Duration::from_millis(1500)).await; // until after the end of the window
    broker.restart().await;
    until_expired(&broker, std::slice::from_ref(&order)).await;
    tokio::time::sleep(Duration::from_secs(1)).await; // long enough for a second one to arrive
    assert_eq!(expired(&broker).await, [order]);
    orders.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_invalid_order_does_not_block_others() {
    let broker = Broker::start().await;
    let (running, orders) = (start(&broker).await, broker.connect("orders-1").await);
    orders.publish_to(Subject::OrderCreated, "{\"id\":5}").await;
    // Times that are out of range for a schedule.
    for never in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "2500-01-01T00:00:00Z"] {
        let id: OrderId = new_id();
        let ticket = format!(r#"{{"id":"{id}","price":20}}"#);
        let event = format!(
            r#"{{"id":"{id}","version":0,"status":"created","userId":"{id}","expiresAt":"{never}","ticket":{ticket}}}"#
        );
        orders.publish_to(Subject::OrderCreated, event).await;
    }
    let order = create(&orders, Duration::ZERO).await;
    until_expired(&broker, &[order]).await;
    settled(&broker, CREATED).await;
    running.stop().await.result.unwrap();
    orders.close().await;
    broker.stop().await;
}

#[test]
fn a_service_without_its_settings_says_which_variables_to_set() {
    let refused = Settings::load((expiration::DECLARATION.sections)(), Sources::default());
    let refused = refused.unwrap_err().to_string();
    for variable in ["NATS_URL=nats://", "NATS_CLUSTER_ID=", "NATS_CLIENT_ID="] {
        assert!(refused.contains(&format!("must be set: {variable}")), "{refused}");
    }
}
