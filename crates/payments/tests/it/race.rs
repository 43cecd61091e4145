//! Paying against cancelling, and against the end of the time: an order ends paid, or cancelled with its money back.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use mongodb::bson::doc;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use testkit::{until, until_in};
use tokio::time::sleep;

use crate::world::{World, cancelled};

/// How many orders are raced for at once.
const AT_ONCE: usize = 16;

/// One round: an order is paid and cancelled at nearly the same time, in any order, with faults of the provider. The answer
/// is what became of it.
async fn round(world: &World, seed: u64) -> Value {
    let mut random = SmallRng::seed_from_u64(seed);
    let order = world.order_of(2000 + u32::try_from(seed % 1000).unwrap(), Duration::from_secs(900)).await;
    let mut pause = || Duration::from_millis(random.random_range(0..40));
    let (before_pay, before_cancel, before_duplicate) = (pause(), pause(), pause());
    let is_declined = random.random_ratio(1, 8);
    if random.random_ratio(1, 4) {
        let faults = ["cut_before", "cut_after", "error_after", "too_many_requests"];
        let steps = ["/payment_methods", "/payment_intents", "/confirm", "/refunds", "/cancel"];
        world.bank.fault(faults[random.random_range(0..4)], steps[random.random_range(0..5)], 1).await;
    }
    let pay = async {
        sleep(before_pay).await;
        world.app.pay(&order, if is_declined { "tok_chargeDeclined" } else { "tok_visa" }).await;
    };
    let cancel = async {
        sleep(before_cancel).await;
        world.publish(&cancelled(&order)).await;
        sleep(before_duplicate).await;
        world.publish(&cancelled(&order)).await;
    };
    tokio::join!(pay, cancel);
    let is_over = |answer: &testkit::Answer| {
        answer.status == 404 || ["declined", "refunded"].iter().any(|end| answer.json()["status"] == *end)
    };
    until_in(Duration::from_secs(120), "over", || async { is_over(&world.app.shown(&order).await) }).await;
    // It does not change any more.
    let intents = world.bank.intents_of(order.id).await;
    let paid: Vec<_> = intents.iter().filter(|intent| intent["status"] == "succeeded").collect();
    assert!(paid.len() <= 1, "seed {seed}: {intents:?}");
    let shown = world.app.shown(&order).await;
    let has_paid = shown.status == 200 && shown.json()["status"] == "refunded";
    assert_eq!(paid.len() == 1, has_paid, "seed {seed}: {shown:?} {intents:?}");
    shown.json()
}

#[tokio::test]
async fn a_payment_that_is_settled_while_its_order_is_being_cancelled_is_refunded() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.delay("/confirm", 500).await;
    let cancel = async {
        until("begun", || async { world.app.shown(&order).await.status == 200 }).await;
        // As the listener does, which finds nothing that is paid.
        let orders = world.database.collection("orders").await;
        let mut session = orders.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let (it, cancelled) =
            (doc! { "_id": order.id.to_string() }, doc! { "$set": { "isCancelled": true, "version": 1_i64 } });
        orders.update_one(it, cancelled).session(&mut session).await.unwrap();
        until("charged", || async { !world.bank.charges().await.is_empty() }).await;
        sleep(Duration::from_secs(1)).await; // the payment can't be settled meanwhile
        session.commit_transaction().await.unwrap();
    };
    tokio::join!(world.app.pay(&order, "tok_visa"), cancel);
    world.app.is(&order, "refunded").await;
    assert_eq!(world.bank.balance().await, 0);
    world.stop().await;
}

async fn rounds(count: u64) {
    let world = World::start().await;
    let ends: Vec<_> = stream::iter(0..count).map(|seed| round(&world, seed)).buffer_unordered(AT_ONCE).collect().await;
    let refunded = ends.iter().filter(|end| end["status"] == "refunded").count();
    assert!(refunded > 0 && refunded < ends.len(), "{refunded} of {} were paid", ends.len());
    // All that was charged went back.
    assert_eq!(world.bank.balance().await, 0);
    assert_eq!(world.refunds(refunded).await.len(), refunded);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_paid_and_cancelled_at_once_is_refunded_once_in_200_rounds() {
    rounds(200).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release -p payments --test it race -- --ignored"]
async fn an_order_that_is_paid_and_cancelled_at_once_is_refunded_once_in_10_000_rounds() {
    rounds(10_000).await;
}
