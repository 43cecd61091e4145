//! GET /api/payments/:orderId

use serde_json::json;
use testkit::{message, session_of, unknown_id, until};

use crate::app::PATH;
use crate::world::World;

#[tokio::test]
async fn shows_its_buyer_how_far_a_payment_is() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.shown(&order).await.is_error(404, &message("Not Found"));
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    assert_eq!(world.app.shown(&order).await.body, json!({ "orderId": order.id, "status": "checking" }).to_string());
    world.app.is(&order, "paid").await;
    world.bank.fault("too_many_requests", "/refunds", 2).await;
    world.cancel(&order).await;
    assert_eq!(world.app.status(&order).await, "refunding");
    world.app.is(&order, "refunded").await;
    world.stop().await;
}

#[tokio::test]
async fn shows_it_to_nobody_else() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    let path = format!("{PATH}/{}", order.id);
    for cookie in ["", &session_of("test@test.com")] {
        world.app.get(&path, cookie).await.is_error(401, &message("Not authorized"));
    }
    for unknown in [unknown_id(), "nonsense".to_owned()] {
        world.app.get(&format!("{PATH}/{unknown}"), &order.buyer).await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}

#[tokio::test]
async fn says_that_nothing_was_charged_for_an_order_that_was_cancelled_first() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.fault("cut_before", "/confirm", 1).await;
    world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    world.bank.fault("too_many_requests", "", 1).await; // the settler comes a moment later
    world.cancel(&order).await;
    until("closed or refunded", || async { world.app.status(&order).await != "checking" }).await;
    let shown = world.app.shown(&order).await.expect(200);
    if shown["status"] == "declined" {
        assert_eq!(shown["message"], "The order was cancelled before it was paid; nothing was charged.");
    } else {
        world.app.is(&order, "refunded").await;
    }
    assert_eq!(world.bank.balance().await, 0);
    world.stop().await;
}
