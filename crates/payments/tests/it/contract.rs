//! What this service relies on at the provider: one suite for the test bank and for Stripe itself.
//!
//! `crates/bank/tests/it/sdk.rs` holds the bank to what Stripe's own libraries expect.

use std::time::Duration;

use payments::{Books, Provider};
use serde_json::json;
use service::launch;
use store::Connection;
use time::OffsetDateTime;

use crate::app::App;
use crate::bank::KEY;
use crate::world::World;

async fn keeps_the_contract(mut world: World, url: &str, key: &str) {
    let began = OffsetDateTime::now_utc() - Duration::from_secs(5);
    let (mongo, nats) = (world.database.uri(), world.broker.url());
    let app = App::on(mongo, nats, "payments-2", url, &[("STRIPE_KEY", key)]).await;
    std::mem::replace(&mut world.app, app).stop().await;

    let order = world.order().await;
    for (token, words) in [
        ("tok_nobody_has_made_this", "No such token"),
        ("tok_chargeDeclined", "Your card was declined."),
        ("tok_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
        ("pm_card_visa_chargeDeclinedLostCard", "Your card was declined."),
        ("tok_threeDSecure2Required", "requires authentication"),
    ] {
        let errors = world.app.pay(&order, token).await.expect(400)["errors"].clone();
        assert_eq!(errors[0]["field"], "token", "{token}: {errors}");
        assert!(errors[0]["message"].as_str().unwrap().contains(words), "{token}: {errors}");
    }
    world.app.pay(&order, "tok_visa").await.expect(201);
    assert!(!world.payments(1).await[0].stripe_id.is_empty());
    world.cancel(&order).await;
    world.app.is(&order, "refunded").await;

    let paid = world.order_of(1999, Duration::from_secs(900)).await;
    world.app.pay(&paid, "pm_card_mastercard").await.expect(201);
    let small = world.order_of(49, Duration::from_secs(900)).await;
    let errors = world.app.pay(&small, "tok_visa").await.expect(400)["errors"].clone();
    assert!(errors[0]["message"].as_str().unwrap().contains("at least"), "{errors}");
    let declined = world.order().await;
    world.app.pay(&declined, "tok_chargeDeclined").await;
    world.cancel(&declined).await;
    world.app.is(&declined, "declined").await;

    // The provider's own list agrees.
    let provider = Provider::connect(&url.parse().unwrap(), &key.to_owned().into()).await.unwrap();
    let mut running = launch("store", Connection { uri: world.database.uri().parse().unwrap() }).start();
    let books = Books::of(&running.ready().await.unwrap());
    let mut found = Vec::new();
    let audit = books.audit(&provider, began, false, |finding| {
        found.push(format!("{finding:?}"));
        Ok(())
    });
    let summary = audit.await.unwrap();
    assert_eq!((json!(found), summary.payments, summary.elsewhere), (json!([]), 4, 0));
    drop(books);
    running.stop().await.result.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn the_test_bank_keeps_the_contract() {
    let world = World::start().await;
    let url = world.bank.url();
    keeps_the_contract(world, &url, KEY).await;
}

#[tokio::test]
#[ignore = "pays at Stripe: STRIPE_KEY=sk_test_… cargo test -p payments --test it contract -- --ignored"]
#[expect(clippy::disallowed_methods, reason = "the key is given to this test alone")]
async fn stripe_keeps_the_contract() {
    let key = std::env::var_os("STRIPE_KEY").and_then(|key| key.into_string().ok());
    let key = key.filter(|key| key.starts_with("sk_test_")).expect("set STRIPE_KEY to a test key");
    keeps_the_contract(World::start().await, "https://api.stripe.com", &key).await;
}
