//! Payment intents.

use futures_util::future::join_all;
use serde_json::json;

use crate::bank::{Bank, id_of};

#[tokio::test]
async fn an_intent_that_is_confirmed_with_a_good_card_succeeds_with_one_charge() {
    let bank = Bank::start().await;
    for token in ["tok_visa", "tok_mastercard", "tok_amex"] {
        let intent = bank.intent().await;
        let paid = bank.confirm(&intent, token).await.expect(200);
        assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("succeeded"), &json!(2000)), "{token}");
        assert_eq!(paid["metadata"], json!({ "order_id": "7" }));
        let charges = bank.list(&format!("/v1/charges?payment_intent={intent}")).await;
        assert_eq!(charges.len(), 1);
        assert_eq!((&charges[0]["id"], &charges[0]["paid"]), (&paid["latest_charge"], &json!(true)));
    }
    assert_eq!(bank.balance().await, 6000);
    bank.stop().await;
}

#[tokio::test]
async fn a_declined_card_is_a_402_with_its_reason_and_the_intent_takes_another_card() {
    let bank = Bank::start().await;
    for (token, code, decline_code) in [
        ("tok_chargeDeclined", "card_declined", json!("generic_decline")),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined", json!("insufficient_funds")),
        ("tok_chargeDeclinedExpiredCard", "expired_card", json!(null)),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", json!(null)),
        ("tok_chargeDeclinedProcessingError", "processing_error", json!(null)),
        ("tok_threeDSecure2Required", "authentication_required", json!("authentication_required")),
    ] {
        let intent = bank.intent().await;
        let error = bank.confirm(&intent, token).await.expect(402)["error"].clone();
        assert_eq!((&error["type"], &error["code"]), (&json!("card_error"), &json!(code)), "{token}");
        assert_eq!(error["decline_code"], decline_code, "{token}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method", "{token}");
        let now = bank.get(&format!("/v1/payment_intents/{intent}")).await.expect(200);
        assert_eq!(now["last_payment_error"]["payment_method"]["id"], error["payment_method"]["id"], "{token}");
        bank.confirm(&intent, "tok_visa").await.expect(200);
    }
    assert_eq!(bank.balance().await, 6 * 2000);
    bank.stop().await;
}

#[tokio::test]
async fn what_has_succeeded_is_neither_confirmed_nor_cancelled_and_what_is_cancelled_is_not_confirmed() {
    let bank = Bank::start().await;
    let paid = bank.paid("tok_visa").await;
    let cancelled = bank.intent().await;
    bank.post(&format!("/v1/payment_intents/{cancelled}/cancel"), "").await.expect(200);
    for (intent, status) in [(&paid, "succeeded"), (&cancelled, "canceled")] {
        for action in ["confirm", "cancel"] {
            let path = format!("/v1/payment_intents/{intent}/{action}");
            let form = if action == "confirm" { "payment_method=pm_card_visa" } else { "" };
            let error = bank.post(&path, form).await.expect(400)["error"].clone();
            assert_eq!(error["code"], "payment_intent_unexpected_state", "{path}");
            assert_eq!(error["payment_intent"]["status"], status, "{path}");
        }
    }
    assert_eq!(bank.balance().await, 2000);
    bank.stop().await;
}

#[tokio::test]
async fn of_confirmations_and_cancellations_at_the_same_time_one_wins() {
    let bank = Bank::start().await;
    for _ in 0..10 {
        let (intent, before) = (bank.intent().await, bank.balance().await);
        let path = |action| format!("/v1/payment_intents/{intent}/{action}");
        let (confirm, cancel) = (path("confirm"), path("cancel"));
        let confirmed = join_all([(); 4].map(|()| bank.post(&confirm, "payment_method=pm_card_visa")));
        let cancelled = join_all([(); 4].map(|()| bank.post(&cancel, "")));
        let (confirmed, cancelled) = tokio::join!(confirmed, cancelled);
        let won = confirmed.iter().filter(|answer| answer.status == 200).count();
        let lost = cancelled.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won + lost, 1, "one of eight");
        assert_eq!(bank.balance().await - before, if won == 1 { 2000 } else { 0 });
    }
    bank.stop().await;
}

#[tokio::test]
async fn amounts_currencies_and_methods_that_cannot_be_charged_are_refused() {
    let bank = Bank::start().await;
    for (form, status, code, param) in [
        ("currency=usd", 400, "parameter_missing", "amount"),
        ("amount=49&currency=usd", 400, "amount_too_small", "amount"),
        ("amount=-1&currency=usd", 400, "amount_too_small", "amount"),
        ("amount=100000000&currency=usd", 400, "amount_too_large", "amount"),
        ("amount=20.5&currency=usd", 400, "parameter_invalid_integer", "amount"),
        ("amount=2000", 400, "parameter_missing", "currency"),
        ("amount=2000&currency=eur", 400, "parameter_invalid", "currency"),
        ("amount=2000&currency=usd&payment_method_types[0]=ideal", 400, "parameter_invalid", "payment_method_types"),
        ("amount=2000&currency=usd&payment_method=pm_1", 404, "resource_missing", "payment_method"),
        ("amount=2000&currency=usd&colour=red", 400, "parameter_unknown", "colour"),
    ] {
        let error = bank.post("/v1/payment_intents", form).await.expect(status)["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!(param)), "{form}");
        assert_eq!(error["type"], "invalid_request_error", "{form}");
    }
    let error = bank.post("/v1/payment_intents/pi_1/confirm", "").await.expect(404)["error"].clone();
    assert_eq!(error["message"], "No such payment_intent: 'pi_1'");
    let intent = bank.intent().await;
    let error = bank.post(&format!("/v1/payment_intents/{intent}/confirm"), "").await.expect(400)["error"].clone();
    assert_eq!(error["code"], "payment_intent_unexpected_state");
    assert_eq!(bank.list("/v1/payment_intents").await.len(), 1, "what is refused leaves nothing");
    bank.stop().await;
}

#[tokio::test]
async fn the_books_outlive_the_bank() {
    let bank = Bank::start().await;
    let (paid, account) = (bank.paid("tok_visa").await, id_of(&bank.get("/v1/account").await.expect(200)));
    let bank = bank.restarted().await;
    assert_eq!(bank.get(&format!("/v1/payment_intents/{paid}")).await.expect(200)["status"], "succeeded");
    assert_eq!((bank.balance().await, id_of(&bank.get("/v1/account").await.expect(200))), (2000, account));
    bank.stop().await;
}
