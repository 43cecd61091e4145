//! The provider fails in every way: whatever it answers, or does not, an order is charged once or not at all.

use std::time::Duration;

use common::events::PaymentId;
use mongodb::bson::{DateTime, doc};
use serde_json::json;
use testkit::{message, until};

use crate::app::App;
use crate::bank::Bank;
use crate::world::{Order, World};

/// The requests of an attempt, by the ends of their paths.
const STEPS: [&str; 3] = ["/payment_methods", "/payment_intents", "/confirm"];

/// Pays as a person does: looks at the payment while it is being checked, and tries again when it has failed.
pub(crate) async fn persist(app: &App, order: &Order) {
    until("paid", || async {
        let status = app.shown(order).await;
        if status.status == 404 || status.json()["status"] == "declined" {
            app.pay(order, "tok_visa").await;
        }
        app.shown(order).await.json()["status"] == "paid"
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_lost_or_an_error_is_never_taken_for_a_failure_and_charged_again() {
    let world = World::start().await;
    let mut orders = Vec::new();
    for fault in ["cut_before", "cut_after", "error_after", "too_many_requests"] {
        for step in STEPS {
            let order = world.order().await;
            world.bank.fault(fault, step, 1).await;
            let first = world.app.pay(&order, "tok_visa").await;
            first.is_error(503, &message("Your payment is being checked"));
            assert_eq!(first.headers["retry-after"], "1");
            persist(&world.app, &order).await;
            assert!(!world.bank.has_faults().await, "{fault} {step}");
            orders.push(order);
        }
    }
    let intents = world.bank.intents().await;
    for order in &orders {
        let theirs = intents.iter().filter(|intent| intent["metadata"]["order_id"] == json!(order.id));
        assert_eq!(theirs.count(), 1, "one intent for each order");
    }
    let charges = world.bank.charges().await;
    assert_eq!((charges.len(), world.payments(orders.len()).await.len()), (orders.len(), orders.len()));
    world.stop().await;
}

#[tokio::test]
async fn another_token_while_the_outcome_is_unknown_is_refused_and_not_charged() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.delay("/confirm", 1_500).await;
    let (first, second) = tokio::join!(world.app.pay(&order, "tok_visa"), async {
        until("begun", || async { world.app.shown(&order).await.status == 200 }).await;
        world.app.pay(&order, "tok_mastercard").await
    });
    second.is_error(400, &message("Another payment of this order is being checked"));
    first.expect(201);
    assert_eq!(world.bank.charges().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_provider_that_hangs_is_left_after_ten_seconds_and_its_late_charge_is_found() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.delay("/confirm", 12_000).await;
    world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    world.app.is(&order, "paid").await;
    world.cancel(&order).await;
    world.app.is(&order, "refunded").await;
    assert_eq!((world.bank.charges().await.len(), world.bank.balance().await), (1, 0));
    world.stop().await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_the_outcome_is_unknown_ends_unpaid_or_refunded() {
    let world = World::start().await;
    for fault in ["cut_before", "cut_after", "error_after"] {
        for step in STEPS {
            let order = world.order().await;
            world.bank.fault(fault, step, 1).await;
            world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
            world.cancel(&order).await;
            until("over", || async {
                let status = world.app.status(&order).await;
                status == "declined" || status == "refunded"
            })
            .await;
        }
    }
    assert_eq!(world.bank.balance().await, 0);
    for intent in world.bank.intents().await {
        let is_over = intent["status"] == "succeeded" || intent["status"] == "canceled";
        // Nobody knows the id of an intent whose answer was lost, so nobody can confirm it.
        assert!(is_over || intent["payment_method"].is_null() && intent["latest_charge"].is_null(), "{intent}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let world = World::start().await;
    for (number, fault) in ["cut_before", "cut_after", "error_after", "too_many_requests"].into_iter().enumerate() {
        let order = world.order().await;
        world.app.pay(&order, "tok_visa").await.expect(201);
        world.bank.fault(fault, "/refunds", 3).await;
        world.cancel(&order).await;
        world.app.is(&order, "refunded").await;
        assert_eq!(world.bank.refunds().await.len(), number + 1, "{fault}");
        until("the faults are over", || async { !world.bank.has_faults().await || fault == "error_after" }).await;
    }
    assert_eq!((world.bank.balance().await, world.refunds(4).await.len()), (0, 4));
    world.stop().await;
}

#[tokio::test]
async fn a_refund_that_fails_while_its_answers_are_lost_is_made_once() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_refundFail").await.expect(201);
    world.bank.fault("cut_after", "/refunds", 8).await; // until it has failed
    world.cancel(&order).await;
    until("stuck", || async { world.row(&order).await.get_str("state").unwrap() == "stuck" }).await;
    assert_eq!(world.bank.refunds().await.len(), 1, "so many refunds of one payment");
    world.stop().await;
}

#[tokio::test]
async fn a_pending_refund_is_followed_to_its_end_and_one_that_fails_is_stuck() {
    let world = World::start().await;
    let [pending, failing] = [world.order().await, world.order().await];
    world.app.pay(&pending, "tok_pendingRefund").await.expect(201);
    world.app.pay(&failing, "tok_refundFail").await.expect(201);
    world.cancel(&pending).await;
    world.cancel(&failing).await;
    world.app.is(&pending, "refunded").await;
    until("stuck", || async { world.row(&failing).await.get_str("state").unwrap() == "stuck" }).await;
    let shown = world.app.shown(&failing).await.expect(200);
    let words = "The refund takes longer than usual, and is being looked at.";
    assert_eq!((&shown["status"], &shown["message"]), (&json!("refunding"), &json!(words)));
    let why = world.row(&failing).await.get_str("message").unwrap().to_owned();
    assert_eq!(why, "The refund has failed: expired_or_canceled_card");
    assert_eq!((world.bank.refunds().await.len(), world.refunds(1).await.len()), (2, 1));
    assert_eq!(world.bank.balance().await, 2000, "the money of the failed refund is still there");
    world.stop().await;
}

#[tokio::test]
async fn a_refund_that_somebody_made_at_the_provider_is_recognized() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    let intent = world.row(&order).await.get_str("intent").unwrap().to_owned();
    world.bank.post("/v1/refunds", &format!("payment_intent={intent}"), "by hand").await.expect(200);
    world.cancel(&order).await;
    world.app.is(&order, "refunded").await;
    assert_eq!(world.bank.refunds().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn an_attempt_whose_process_was_frozen_beyond_its_lease_changes_nothing_any_more() {
    let world = World::start().await;
    let order = world.order().await;
    // The first process hangs before the confirmation; its lease ends, and another one settles the attempt.
    world.bank.delay("/payment_intents", 6_000).await;
    let rows = world.database.collection("payments").await;
    let (first, ()) = tokio::join!(world.app.pay(&order, "tok_visa"), async {
        until("begun", || async { world.app.shown(&order).await.status == 200 }).await;
        let over = doc! { "$set": { "dueAt": mongodb::bson::DateTime::now() } };
        rows.update_one(doc! {}, over).await.unwrap();
        world.app.is(&order, "declined").await;
    });
    let shown = world.app.shown(&order).await.json();
    assert_eq!(shown["message"], "The payment was interrupted, and nothing was charged. Please try again.");
    assert_eq!(first.status, 400, "{first:?}");
    assert_eq!(world.bank.charges().await.len(), 0);
    world.app.pay(&order, "tok_visa").await.expect(201);
    assert_eq!((world.bank.charges().await.len(), world.bank.intents().await.len()), (1, 1));
    world.stop().await;
}

#[tokio::test]
async fn payments_of_another_provider_are_shown_and_left_alone() {
    let mut world = World::start().await;
    let [paid, unknown, refund_due, declined] =
        [world.order().await, world.order().await, world.order().await, world.order().await];
    world.app.pay(&paid, "tok_visa").await.expect(201);
    world.app.pay(&refund_due, "tok_visa").await.expect(201);
    world.app.pay(&declined, "tok_chargeDeclined").await;
    world.bank.fault("cut_before", "/confirm", 1_000).await;
    world.bank.fault("cut_before", "/refunds", 1_000).await;
    world.app.pay(&unknown, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    world.cancel(&refund_due).await;
    // The key of another account: its bank knows nothing of these payments.
    let other = Bank::with(&[]).await;
    let app = App::on(world.database.uri(), world.broker.url(), "payments-2", &other.url(), &[]).await;
    std::mem::replace(&mut world.app, app).stop().await;
    tokio::time::sleep(Duration::from_secs(2)).await; // two turns of the settler
    for (order, status) in
        [(&paid, "paid"), (&unknown, "checking"), (&refund_due, "refunding"), (&declined, "declined")]
    {
        assert_eq!(world.app.status(order).await, status);
    }
    let other_provider = "The payment of this order was begun with another payment provider";
    world.app.pay(&declined, "tok_visa").await.is_error(400, &message(other_provider));
    world.app.pay(&unknown, "tok_visa").await.is_error(400, &message("Another payment of this order is being checked"));
    assert_eq!((other.intents().await.len(), other.charges().await.len()), (0, 0));
    let new = world.order().await;
    world.app.pay(&new, "tok_visa").await.expect(201);
    assert_eq!(other.charges().await.len(), 1);
    world.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_alarmed_and_never_replaced() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.fault("cut_before", "/confirm", 1).await;
    world.bank.delay("", 500).await; // gives time to meddle
    world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    let row = world.row(&order).await;
    let id: PaymentId = row.get_str("_id").unwrap().parse().unwrap();
    let other = "amount=100&currency=usd";
    let used = world.bank.post("/v1/payment_intents", other, &format!("ok-{id}-1")).await;
    if used.status == 200 {
        tokio::time::sleep(Duration::from_secs(2)).await; // turns of the settler
        assert_eq!(world.app.status(&order).await, "checking");
        assert_eq!(world.bank.charges().await.len(), 0);
    }
    world.cancel(&order).await;
    until("over", || async { world.app.status(&order).await != "checking" }).await;
    if world.app.status(&order).await != "declined" {
        world.app.is(&order, "refunded").await;
    }
    assert_eq!(world.bank.balance().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_part_that_somebody_refunded_at_the_provider_is_not_taken_for_the_whole() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    let intent = world.row(&order).await.get_str("intent").unwrap().to_owned();
    let part = format!("payment_intent={intent}&amount=500");
    world.bank.post("/v1/refunds", &part, "by hand").await.expect(200);
    world.bank.fault("cut_before", "/refunds", 1).await;
    world.cancel(&order).await;
    world.app.is(&order, "refunded").await;
    assert_eq!((world.bank.refunds().await.len(), world.bank.balance().await), (2, 0));
    world.stop().await;
}

#[tokio::test]
async fn a_payment_that_is_slow_to_settle_delays_no_other() {
    let world = World::start().await;
    let [slow, good] = [world.order().await, world.order().await];
    world.bank.fault("cut_before", "/confirm", 1).await;
    world.bank.delay("/payment_intents", 300).await;
    let (answer, ()) = tokio::join!(world.app.pay(&slow, "tok_visa"), async {
        until("made", || async { !world.bank.intents().await.is_empty() }).await;
        let intent = world.bank.intents().await[0]["id"].as_str().unwrap().to_owned();
        for _ in 0..100 {
            world.bank.delay(&format!("/{intent}"), 60_000).await;
        }
    });
    answer.is_error(503, &message("Your payment is being checked"));
    until("asked", || async { world.row(&slow).await.get_bool("isLeased").unwrap() }).await;
    let version = world.row(&slow).await.get_i64("version").unwrap();
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&good, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    world.app.is(&good, "paid").await;
    assert_eq!(world.row(&slow).await.get_i64("version").unwrap(), version, "the slow turn is over");
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_decided_while_the_copy_of_an_order_is_missing() {
    let world = World::start().await;
    let [open, cancelled] = [world.order().await, world.order().await];
    let copies = world.database.collection("orders").await;
    let mut lost = Vec::new();
    for (order, fault) in [(&open, "cut_before"), (&cancelled, "cut_after")] {
        world.bank.fault(fault, "/confirm", 1).await;
        world.bank.delay("/payment_intents", 500).await;
        lost.push(world.copy(order).await.unwrap());
        let (answer, ()) = tokio::join!(world.app.pay(order, "tok_visa"), async {
            until("begun", || async { world.app.shown(order).await.status == 200 }).await;
            copies.delete_one(doc! { "_id": order.id.to_string() }).await.unwrap();
        });
        answer.is_error(503, &message("Your payment is being checked"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await; // turns of the settler
    for order in [&open, &cancelled] {
        assert_eq!(world.app.status(order).await, "checking");
    }
    // A replay rebuilds them, one as it is after its cancellation.
    lost[1].insert("isCancelled", true);
    copies.insert_many(lost).await.unwrap();
    world.app.is(&open, "paid").await;
    world.app.is(&cancelled, "refunded").await;
    assert_eq!((world.payments(1).await.len(), world.bank.balance().await), (1, 2000));
    world.stop().await;
}

#[tokio::test]
async fn one_answer_that_is_lost_after_a_day_leaves_no_refund_to_a_person() {
    let world = World::start().await;
    let [pending, late] = [world.order().await, world.order().await];
    let rows = world.database.collection("payments").await;
    let two_days_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 48 * 60 * 60 * 1_000);
    let back = async |order: &Order| {
        let since = doc! { "$set": { "since": two_days_ago } };
        rows.update_one(doc! { "orderId": order.id.to_string() }, since).await.unwrap();
    };
    world.app.pay(&pending, "tok_pendingRefund").await.expect(201);
    world.cancel(&pending).await;
    until("pending", || async { world.row(&pending).await.get_str("refund").is_ok() }).await;
    let refund = world.row(&pending).await.get_str("refund").unwrap().to_owned();
    world.bank.fault("cut_before", &refund, 1).await;
    back(&pending).await;
    // One that became due while the service was stopped for two days.
    world.app.pay(&late, "tok_visa").await.expect(201);
    world.bank.fault("cut_before", "/refunds", 6).await; // asking and looking for it, three times
    world.cancel(&late).await;
    back(&late).await;
    world.app.is(&pending, "refunded").await;
    world.app.is(&late, "refunded").await;
    assert!(!world.bank.has_faults().await);
    world.stop().await;
}

#[tokio::test]
async fn a_charge_that_comes_after_somebody_has_ended_its_attempt_is_not_lost() {
    let world = World::start().await;
    let order = world.order().await;
    let rows = world.database.collection("payments").await;
    // The process hangs in the confirmation, and another one is answered that the card is refused.
    world.bank.delay("/confirm", 2_000).await;
    let (first, ()) = tokio::join!(world.app.pay(&order, "tok_visa"), async {
        let it = doc! { "method": { "$exists": true } };
        until("prepared", || async { rows.find_one(it.clone()).await.unwrap().is_some() }).await;
        let ended = doc! { "$set": { "state": "declined", "isLeased": false }, "$inc": { "version": 1_i64 } };
        rows.update_one(doc! {}, ended).await.unwrap();
    });
    first.is_error(503, &message("Your payment is being checked"));
    world.app.is(&order, "paid").await;
    assert_eq!((world.bank.charges().await.len(), world.payments(1).await.len()), (1, 1));
    world.stop().await;
}

#[tokio::test]
async fn a_declined_card_whose_answer_is_lost_is_tried_once() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&order, "tok_chargeDeclined").await.is_error(503, &message("Your payment is being checked"));
    world.app.is(&order, "declined").await;
    assert_eq!(world.bank.charges().await.len(), 1, "the bank has tried the card so often");
    world.stop().await;
}

#[tokio::test]
async fn a_declined_card_whose_answer_is_an_error_is_declined_and_another_one_pays() {
    let world = World::start().await;
    let order = world.order().await;
    let form = "type=card&card[token]=tok_chargeDeclined";
    let method = world.bank.post("/v1/payment_methods", form, "by hand").await.expect(200)["id"].clone();
    let method = method.as_str().unwrap();
    for card in [method, "tok_chargeDeclined"] {
        world.bank.fault("error_after", "/confirm", 1).await;
        world.app.pay(&order, card).await.is_error(503, &message("Your payment is being checked"));
        world.app.is(&order, "declined").await;
        assert_eq!(world.app.shown(&order).await.json()["message"], "Your card was declined.");
    }
    // An attempt that was not carried out is not the one that was declined with the same method.
    world.app.pay(&order, method).await.expect(400);
    let charges = world.bank.charges().await.len();
    world.bank.fault("cut_before", "/confirm", 1).await;
    world.app.pay(&order, method).await.is_error(503, &message("Your payment is being checked"));
    world.app.is(&order, "declined").await;
    assert_eq!(world.bank.charges().await.len(), charges + 1, "it was confirmed");
    world.app.pay(&order, "tok_visa").await.expect(201);
    assert_eq!(world.bank.balance().await, 2000);
    world.stop().await;
}
