//! order:cancelled

use serde_json::json;
use testkit::{message, until};

use crate::world::{World, cancelled, order_of};
use std::time::Duration;

#[tokio::test]
async fn updates_the_status_of_the_order_and_acks_the_message() {
    let world = World::start().await;
    let order = world.order().await;
    world.cancel(&order).await;
    world.publish(&cancelled(&order)).await; // once more
    world.settled("order-cancelled").await;
    assert_eq!(world.copy(&order).await.unwrap().get_i64("version").unwrap(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_cancellation_that_comes_before_its_order_is_remembered() {
    let world = World::start().await;
    let order = order_of(2000, Duration::from_secs(900));
    world.publish(&cancelled(&order)).await;
    world.publish(&order.created).await;
    until("the cancelled copy", || async {
        world.copy(&order).await.is_some_and(|copy| copy.get_bool("isCancelled").unwrap())
    })
    .await;
    world.app.pay(&order, "tok_visa").await.is_error(400, &message("Cannot pay for an cancelled order"));
    world.stop().await;
}

#[tokio::test]
async fn what_was_paid_is_refunded_once_and_reported() {
    let world = World::start().await;
    let order = world.order().await;
    let id = world.app.pay(&order, "tok_visa").await.expect(201)["id"].clone();
    world.cancel(&order).await;
    world.publish(&cancelled(&order)).await;
    world.app.is(&order, "refunded").await;
    world.settled("order-cancelled").await;
    let (refunds, reported) = (world.bank.refunds().await, world.refunds(1).await);
    assert_eq!((refunds.len(), &refunds[0]["amount"], world.bank.balance().await), (1, &json!(2000), 0));
    let stripe_id = &world.payments(1).await[0].stripe_id;
    let expected = json!([{ "id": id, "orderId": order.id, "stripeId": stripe_id }]);
    assert_eq!(serde_json::to_value(&reported).unwrap(), expected);
    world.stop().await;
}

#[tokio::test]
async fn the_intent_of_a_declined_payment_is_cancelled_so_that_nobody_can_confirm_it_any_more() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_chargeDeclined").await;
    world.cancel(&order).await;
    until("cancelled", || async { world.bank.intents().await[0]["status"] == "canceled" }).await;
    world.app.is(&order, "declined").await;
    world.app.pay(&order, "tok_visa").await.is_error(400, &message("Cannot pay for an cancelled order"));
    world.stop().await;
}
