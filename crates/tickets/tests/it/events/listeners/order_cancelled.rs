//! order:cancelled

use store::new_id;

use testkit::settled;

use super::{CANCELLED, CREATED, Orders, announced};
use crate::app::{World, signin};

#[tokio::test]
async fn updates_the_ticket_publishes_an_event_and_acks_the_message() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let (ticket, order) = (world.app.ticket(&signin()).await, new_id());
    orders.create(&order, &ticket).await;
    announced(&world.broker, 1).await;
    orders.cancel(&order, &ticket).await;
    let updated = announced(&world.broker, 2).await.remove(1);
    assert_eq!((updated.order_id, updated.version), (None, 2));
    assert!(!world.app.show(&ticket).await.body.contains("orderId"));
    settled(&world.broker, CANCELLED).await;
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn a_stale_cancellation_does_not_release_the_ticket_of_another_order() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let ticket = world.app.ticket(&signin()).await;
    let (first, second) = (new_id(), new_id());
    orders.create(&first, &ticket).await;
    announced(&world.broker, 1).await;
    orders.cancel(&first, &ticket).await;
    announced(&world.broker, 2).await;
    orders.create(&second, &ticket).await;
    announced(&world.broker, 3).await;
    orders.cancel(&first, &ticket).await;
    settled(&world.broker, CANCELLED).await;
    assert_eq!(world.app.show(&ticket).await.json()["orderId"], second.to_string());
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn a_cancellation_that_arrives_before_its_order_is_remembered() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let seller = signin();
    let ticket = world.app.ticket(&seller).await;
    let order = new_id();
    orders.cancel(&order, &ticket).await;
    settled(&world.broker, CANCELLED).await;
    // The remembered cancellation survives a change by the seller.
    world.app.change(&seller, &ticket, "concert", serde_json::json!(30)).await.expect(200);
    orders.create(&order, &ticket).await;
    settled(&world.broker, CREATED).await;
    let shown = world.app.show(&ticket).await.expect(200);
    assert_eq!((shown.get("orderId"), &shown["version"]), (None, &serde_json::json!(1)));
    // It is forgotten when the order's creation arrives.
    let stored = world.database.collection("tickets").await.find_one(mongodb::bson::doc! {}).await.unwrap().unwrap();
    assert!(!stored.contains_key("cancelledEarly"), "{stored}");
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn an_order_and_its_concurrent_cancellation_leave_the_ticket_free() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let seller = signin();
    let mut tickets = Vec::new();
    for _ in 0..50 {
        tickets.push(world.app.ticket(&seller).await);
    }
    for ticket in &tickets {
        let order = new_id();
        tokio::join!(orders.cancel(&order, ticket), orders.create(&order, ticket));
    }
    settled(&world.broker, CREATED).await;
    settled(&world.broker, CANCELLED).await;
    for ticket in &tickets {
        assert!(!world.app.show(ticket).await.body.contains("orderId"));
    }
    orders.close().await;
    world.stop().await;
}
