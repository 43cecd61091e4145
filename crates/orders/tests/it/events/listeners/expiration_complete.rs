//! expiration:complete

use common::events::{ExpirationComplete, PaymentCreated};
use mongodb::bson::doc;
use store::new_id;
use testkit::{settled, until};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::{World, signin};

const CONSUMER: &str = "orders-service:expiration-complete";

#[tokio::test]
async fn updates_the_order_status_to_cancelled_emits_an_order_cancelled_event_and_acks_the_message() {
    let world = World::with_window("1").await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    let expired = ExpirationComplete { order_id: id.parse().unwrap() };
    world.publish(&expired).await;
    world.publish(&expired).await;
    world.app.is(&buyer, &id, "cancelled").await;
    settled(&world.broker, CONSUMER).await;
    let cancellations = world.cancellations(1).await;
    assert_eq!(cancellations.iter().map(|event| event.id.to_string()).collect::<Vec<_>>(), [id]);
    world.stop().await;
}

#[tokio::test]
async fn an_expiration_that_comes_early_cancels_the_order_at_its_time_and_fails_never() {
    let world = World::with_window("3").await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let order = world.app.reserve(&buyer, &ticket).await.expect(201);
    let (id, expires_at) = (order["id"].as_str().unwrap(), order["expiresAt"].as_str().unwrap());
    let expires_at = OffsetDateTime::parse(expires_at, &Rfc3339).unwrap();
    world.publish(&ExpirationComplete { order_id: id.parse().unwrap() }).await;
    until("cancelled", || async {
        let before = OffsetDateTime::now_utc();
        let is_cancelled = world.app.show(&buyer, id).await.json()["status"] == "cancelled";
        assert!(!is_cancelled || OffsetDateTime::now_utc() >= expires_at, "cancelled before {expires_at}: {before}");
        is_cancelled
    })
    .await;
    settled(&world.broker, CONSUMER).await;
    assert_eq!(world.database.collection("failures").await.count_documents(doc! {}).await.unwrap(), 0);
    world.stop().await;
}

#[tokio::test]
async fn a_paid_order_is_not_cancelled() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    let order_id: common::events::OrderId = id.parse().unwrap();
    let payment = PaymentCreated { id: new_id(), order_id, stripe_id: "ch_1".to_owned() };
    world.publish(&payment).await;
    world.app.is(&buyer, &id, "complete").await;
    world.publish(&ExpirationComplete { order_id }).await;
    settled(&world.broker, CONSUMER).await;
    assert_eq!(world.app.show(&buyer, &id).await.json()["status"], "complete");
    world.stop().await;
}

#[tokio::test]
async fn a_stale_expiration_does_not_release_the_ticket_of_another_order() {
    let world = World::start().await;
    let (first, second, ticket) = (signin(), signin(), world.ticket("concert").await);
    let stale = world.app.order(&first, &ticket).await;
    world.app.cancel(&first, &stale).await;
    let id = world.app.order(&second, &ticket).await;
    world.publish(&ExpirationComplete { order_id: stale.parse().unwrap() }).await;
    settled(&world.broker, CONSUMER).await;
    assert_eq!(world.app.show(&second, &id).await.json()["status"], "created");
    assert_eq!(world.cancellations(1).await.len(), 1);
    world.stop().await;
}
