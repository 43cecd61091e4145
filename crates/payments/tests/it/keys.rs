//! The provider forgets idempotency keys: at Stripe after a day, here after a second.

use std::time::Duration;

use crate::faults::persist;
use crate::world::World;

#[tokio::test]
async fn keys_that_are_forgotten_charge_nobody_twice_and_refund_nothing_twice() {
    let world = World::with(&[("BANK__KEY_SECONDS", "1")]).await;
    let mut orders = Vec::new();
    for (fault, step) in [("cut_after", "/payment_intents"), ("cut_after", "/confirm"), ("error_after", "/confirm")] {
        let order = world.order().await;
        world.bank.fault(fault, step, 1).await;
        world.app.pay(&order, "tok_visa").await;
        world.bank.fault("too_many_requests", "", 2).await; // until the key is forgotten
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        persist(&world.app, &order).await;
        orders.push(order);
    }
    assert_eq!((world.bank.charges().await.len(), world.payments(3).await.len()), (3, 3));
    for order in &orders {
        world.bank.fault("cut_after", "/refunds", 2).await;
        world.cancel(order).await;
        world.app.is(order, "refunded").await;
    }
    assert_eq!((world.bank.refunds().await.len(), world.bank.balance().await), (3, 0));
    world.stop().await;
}
