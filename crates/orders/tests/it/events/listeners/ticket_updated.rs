//! ticket:updated

use std::time::Duration;

use serde_json::json;
use testkit::{settled, until};
use tokio::time::sleep;

use crate::app::{World, ticket, updated};

const CONSUMER: &str = "orders-service:ticket-updated";

#[tokio::test]
async fn finds_updates_and_saves_a_ticket_and_acks_the_message() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    world.publish(&updated(&ticket, 1, "new concert")).await;
    until("updated", || async { world.copy(&ticket).await["version"] == 1 }).await;
    assert_eq!(world.copy(&ticket).await["title"], "new concert");
    settled(&world.broker, CONSUMER).await;
    world.stop().await;
}

#[tokio::test]
async fn does_not_call_ack_if_the_event_has_a_skipped_version_number() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    world.publish(&updated(&ticket, 10, "far ahead")).await;
    sleep(Duration::from_millis(500)).await; // long enough for a wrong ack to arrive
    assert_eq!(world.copy(&ticket).await["version"], 0);
    let api = world.broker.outsider().await;
    let found: async_nats::jetstream::consumer::PullConsumer =
        api.get_consumer_from_stream(CONSUMER, "ticketing").await.unwrap();
    assert_eq!(found.cached_info().ack_floor.stream_sequence, 0);
    world.stop().await;
}

#[tokio::test]
async fn updates_that_arrive_out_of_order_too_early_or_twice_are_applied_in_order() {
    let world = World::start().await;
    let ticket = ticket("version 0");
    for version in [3, 1, 2, 3, 1] {
        world.publish(&updated(&ticket, version, &format!("version {version}"))).await;
    }
    world.publish(&ticket).await;
    until("up to date", || async { world.copy(&ticket).await["version"] == 3 }).await;
    settled(&world.broker, CONSUMER).await;
    world.publish(&updated(&ticket, 2, "version 2 again")).await;
    settled(&world.broker, CONSUMER).await;
    let copy = world.copy(&ticket).await;
    assert_eq!((&copy["version"], &copy["title"]), (&json!(3), &json!("version 3")));
    world.stop().await;
}
