//! POST /api/payments

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{field, message, session_of, unknown_id};

use crate::app::PATH;
use crate::world::World;

#[tokio::test]
async fn returns_a_404_when_purchasing_an_order_that_does_not_exist() {
    let world = World::start().await;
    let body = json!({ "token": "tok_visa", "orderId": unknown_id() });
    let answer = world.app.send("POST", PATH, &session_of("test@test.com"), &body).await;
    answer.is_error(404, &message("Not Found"));
    world.stop().await;
}

#[tokio::test]
async fn returns_a_401_when_purchasing_an_order_that_does_not_belong_to_the_user() {
    let world = World::start().await;
    let order = world.order().await;
    let body = json!({ "token": "tok_visa", "orderId": order.id });
    world.app.post(PATH, &body).await.is_error(401, &message("Not authorized"));
    let answer = world.app.send("POST", PATH, &session_of("test@test.com"), &body).await;
    answer.is_error(401, &message("Not authorized"));
    assert_eq!(world.bank.intents().await, Vec::<Value>::new());
    world.stop().await;
}

#[tokio::test]
async fn returns_a_400_when_purchasing_an_order_that_was_cancelled_or_is_out_of_time() {
    let world = World::start().await;
    let cancelled = world.order().await;
    world.cancel(&cancelled).await;
    let late = world.order_of(2000, Duration::ZERO).await;
    for order in [cancelled, late] {
        world.app.pay(&order, "tok_visa").await.is_error(400, &message("Cannot pay for an cancelled order"));
    }
    assert_eq!(world.bank.intents().await, Vec::<Value>::new());
    world.stop().await;
}

#[tokio::test]
async fn returns_a_201_with_valid_inputs() {
    let world = World::start().await;
    let order = world.order_of(1999, Duration::from_secs(900)).await;
    let answer = world.app.pay(&order, "tok_visa").await;
    let id = answer.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.body, json!({ "id": id }).to_string());
    // The bank has charged what the order costs, and payment, event and charge name each other.
    let charges = world.bank.charges().await;
    assert_eq!((charges.len(), &charges[0]["amount"], &charges[0]["currency"]), (1, &json!(1999), &json!("usd")));
    let intent = &world.bank.intents().await[0];
    assert_eq!(intent["metadata"], json!({ "order_id": order.id, "payment_id": id }));
    let row = world.row(&order).await;
    assert_eq!(
        (row.get_str("_id").unwrap(), row.get_str("charge").unwrap()),
        (&*id, charges[0]["id"].as_str().unwrap())
    );
    assert!(row.get_str("provider").unwrap().starts_with("http://127.0.0.1 acct_"), "{row}");
    let events = world.payments(1).await;
    assert_eq!(
        serde_json::to_value(&events).unwrap(),
        json!([{ "id": id, "orderId": order.id, "stripeId": charges[0]["id"] }])
    );
    world.stop().await;
}

#[tokio::test]
async fn a_payment_method_pays_as_a_token_does_and_a_token_is_never_stored() {
    let world = World::start().await;
    let [first, second] = [world.order().await, world.order().await];
    world.app.pay(&first, "pm_card_mastercard").await.expect(201);
    world.app.pay(&second, "tok_amex").await.expect(201);
    for order in [&first, &second] {
        assert!(!world.row(order).await.to_string().contains("tok_"));
    }
    assert_eq!(world.bank.charges().await.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn every_invalid_field_is_reported_and_nothing_reaches_the_provider() {
    let world = World::start().await;
    let order = world.order().await;
    let (token, order_id) = (field("token", "Invalid value"), field("orderId", "Invalid value"));
    let pay = async |body: Value| world.app.send("POST", PATH, &order.buyer, &body).await;
    for body in [json!({}), json!([]), json!({ "token": "", "orderId": "" }), json!({ "token": 5, "orderId": null })] {
        pay(body).await.is_error(400, &json!([token, order_id]));
    }
    for wrong in ["visa", "tok_", "TOK_visa", "src_1", "tok_visa ", "tok_a&b", "tok_\u{e9}", "pm_/../refunds", "ch_1"] {
        pay(json!({ "token": wrong, "orderId": order.id })).await.is_error(400, &json!([token]));
    }
    for wrong in [json!("nonsense"), json!(7), json!({ "$ne": null }), json!([order.id])] {
        pay(json!({ "token": "tok_visa", "orderId": wrong })).await.is_error(400, &json!([order_id]));
    }
    assert_eq!(world.bank.intents().await, Vec::<Value>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_declined_card_is_said_in_the_providers_words_and_another_card_pays_the_same_intent() {
    let world = World::start().await;
    let order = world.order().await;
    for (token, words) in [
        ("tok_chargeDeclined", "Your card was declined."),
        ("tok_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
        ("tok_threeDSecureRequired", "Your card was declined. This transaction requires authentication."),
        ("tok_nonsense", "No such token"),
        ("pm_nonsense", "No such PaymentMethod: 'pm_nonsense'"),
    ] {
        world.app.pay(&order, token).await.is_error(400, &json!([field("token", words)]));
        assert!(!world.row(&order).await.to_string().contains("tok_"), "a token is stored");
        let shown = json!({ "orderId": order.id, "status": "declined", "message": words });
        assert_eq!(world.app.shown(&order).await.expect(200), shown);
    }
    world.app.pay(&order, "tok_visa").await.expect(201);
    let intents = world.bank.intents().await;
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &json!("succeeded")));
    assert_eq!((world.bank.balance().await, world.payments(1).await.len()), (2000, 1));
    world.stop().await;
}

#[tokio::test]
async fn an_order_that_is_paid_is_not_paid_again_not_even_after_its_time() {
    let world = World::start().await;
    let order = world.order_of(2000, Duration::from_secs(3)).await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    world.app.pay(&order, "tok_visa").await.is_error(400, &message("Order is already paid"));
    tokio::time::sleep(Duration::from_secs(3)).await; // its time is over
    world.app.pay(&order, "tok_mastercard").await.is_error(400, &message("Order is already paid"));
    assert_eq!(world.bank.charges().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_price_below_the_providers_least_is_refused_in_its_words() {
    let world = World::start().await;
    let order = world.order_of(49, Duration::from_secs(900)).await;
    let answer = world.app.pay(&order, "tok_visa").await;
    answer.is_error(400, &json!([field("token", "Amount must be at least $0.50 usd")]));
    assert_eq!(world.bank.intents().await, Vec::<Value>::new());
    world.stop().await;
}
