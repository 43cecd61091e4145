//! POST /api/payments/webhook

use serde_json::{Value, json};
use testkit::{Answer, message, until};
use time::OffsetDateTime;

use crate::app::{App, PATH, WEBHOOK_SECRET};
use crate::world::{Order, World};

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// What the provider reports of the intent of an order.
async fn event(world: &World, order: &Order, kind: &str) -> String {
    let intent = world.row(order).await.get_str("intent").unwrap().to_owned();
    json!({ "id": "evt_1", "type": kind, "data": { "object": { "id": intent, "object": "payment_intent" } } })
        .to_string()
}

/// Reports it with a valid signature.
async fn report(app: &App, event: &str) -> Answer {
    app.receive(event, &bank::signature(WEBHOOK_SECRET, now(), event.as_bytes())).await
}

#[tokio::test]
async fn there_are_none_without_a_secret() {
    let world = World::start().await;
    let app = world.another_app("payments-2").await;
    report(&app, "{}").await.is_error(404, &message("Not Found"));
    app.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn one_that_is_forged_or_old_or_no_event_is_refused() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    let event = event(&world, &order, "payment_intent.succeeded").await;
    let sign = |secret, time, payload: &str| bank::signature(secret, time, payload.as_bytes());
    let valid = sign(WEBHOOK_SECRET, now(), &event);
    let signature = valid.split_once("v1=").unwrap().1;
    for wrong in [
        String::new(),
        "nonsense".to_owned(),
        sign("whsec_other", now(), &event),
        sign(WEBHOOK_SECRET, now() - 301, &event),
        sign(WEBHOOK_SECRET, now() + 310, &event),
        sign(WEBHOOK_SECRET, now(), &event.replace("pi_", "pi_x")),
        format!("v1={signature}"),
        format!("t={},v1={}", now(), &signature[1..]),
        format!("t={},v1=\u{e9}{}", now(), &signature[2..]),
        format!("t=x,v1={signature}"),
        format!("t={},v0={signature}", now()),
    ] {
        world.app.receive(&event, &wrong).await.is_error(400, &message("The signature is not valid"));
    }
    for other in ["", "nonsense", "{}", r#"{"type":"x","data":{"object":{}}}"#] {
        report(&world.app, other).await.is_error(400, &message("The body is not an event of Stripe's"));
    }
    let body = "x".repeat(200_000);
    report(&world.app, &body).await.is_error(413, &message("Request body is larger than 100 kB"));
    assert_eq!(world.app.get(&format!("{PATH}/webhook"), &order.buyer).await.status, 404);
    // One of several signatures is enough, as while a secret is being changed.
    let time = now();
    let valid = sign(WEBHOOK_SECRET, time, &event);
    let both = format!("{},v1={}", sign("whsec_other", time, &event), valid.split_once("v1=").unwrap().1);
    world.app.receive(&event, &both).await.expect(200);
    world.stop().await;
}

#[tokio::test]
async fn ten_reports_of_one_payment_at_once_settle_it_once() {
    let world = World::start().await;
    let order = world.order().await;
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    let event = event(&world, &order, "payment_intent.succeeded").await;
    let ten = async || {
        let reports = (0..10).map(|_| async {
            // The provider repeats a report while the database is busy with the others.
            let accepted = async || {
                let answer = report(&world.app, &event).await;
                answer.status != 503 && {
                    answer.expect(200);
                    true
                }
            };
            until("it is accepted", accepted).await;
        });
        futures_util::future::join_all(reports).await;
    };
    ten().await;
    world.app.is(&order, "paid").await;
    ten().await;
    world.cancel(&order).await;
    ten().await;
    world.app.is(&order, "refunded").await;
    ten().await;
    assert_eq!((world.payments(1).await.len(), world.refunds(1).await.len()), (1, 1));
    assert_eq!((world.bank.refunds().await.len(), world.bank.balance().await), (1, 0));
    world.stop().await;
}

#[tokio::test]
async fn a_late_report_of_a_failure_or_of_what_is_unknown_changes_nothing() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    for kind in ["payment_intent.canceled", "payment_intent.payment_failed", "charge.expired", "something.new"] {
        report(&world.app, &event(&world, &order, kind).await).await.expect(200);
    }
    let stranger = json!({ "type": "payment_intent.succeeded",
        "data": { "object": { "id": "pi_of_another_program", "object": "payment_intent" } } });
    report(&world.app, &stranger.to_string()).await.expect(200);
    let charge = json!({ "type": "charge.refunded", "data": { "object": { "id": "ch_1", "object": "charge", "payment_intent": null } } });
    report(&world.app, &charge.to_string()).await.expect(200);
    assert_eq!(world.app.status(&order).await, "paid");
    assert_eq!(world.row(&order).await.get("version"), world.row(&order).await.get("version"));
    world.stop().await;
}

#[tokio::test]
async fn a_payment_that_was_said_to_be_declined_and_has_succeeded_is_found_by_a_report() {
    let world = World::start().await;
    let order = world.order().await;
    world.app.pay(&order, "tok_chargeDeclined").await;
    let intent = world.row(&order).await.get_str("intent").unwrap().to_owned();
    // Somebody who was frozen, or an operator at the provider, confirms it later.
    let answer =
        world.bank.post(&format!("/v1/payment_intents/{intent}/confirm"), "payment_method=pm_card_visa", "x").await;
    answer.expect(200);
    assert_eq!(world.app.status(&order).await, "declined");
    report(&world.app, &event(&world, &order, "payment_intent.succeeded").await).await.expect(200);
    world.app.is(&order, "paid").await;
    assert_eq!(world.payments(1).await.len(), 1);
    // One that is not true does no harm.
    let other = world.order().await;
    world.app.pay(&other, "tok_chargeDeclined").await;
    report(&world.app, &event(&world, &other, "payment_intent.succeeded").await).await.expect(200);
    world.app.is(&other, "declined").await;
    world.app.pay(&other, "tok_visa").await.expect(201);
    assert_eq!(world.bank.charges().await.iter().filter(|charge| charge["paid"] == Value::Bool(true)).count(), 2);
    world.stop().await;
}
