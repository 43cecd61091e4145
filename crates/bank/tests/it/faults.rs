//! Faults on order.

use serde_json::json;

use crate::bank::Bank;

const INTENTS: &str = "/v1/payment_intents";
const NEW: &str = "amount=2000&currency=usd";

#[tokio::test]
async fn a_cut_connection_has_no_answer_and_its_effect_or_none() {
    let bank = Bank::start().await;
    bank.order_fault("cut_before", "", 1).await;
    assert!(bank.try_post(INTENTS, NEW, Some("a")).await.is_none());
    assert_eq!(bank.list(INTENTS).await.len(), 0);
    bank.order_fault("cut_after", "/payment_intents", 1).await;
    assert!(bank.try_post(INTENTS, NEW, Some("a")).await.is_none());
    let repeated = bank.try_post(INTENTS, NEW, Some("a")).await.unwrap();
    assert_eq!((repeated.status, repeated.headers["idempotent-replayed"].as_str()), (200, "true"));
    assert_eq!(bank.list(INTENTS).await.len(), 1);
    bank.stop().await;
}

#[tokio::test]
async fn a_500_after_the_effect_is_repeated_under_its_key() {
    let bank = Bank::start().await;
    bank.order_fault("error_after", "", 1).await;
    for _ in 0..2 {
        let error = bank.try_post(INTENTS, NEW, Some("a")).await.unwrap().expect(500)["error"].clone();
        assert_eq!(error["type"], "api_error");
    }
    assert_eq!(bank.list(INTENTS).await.len(), 1);
    bank.stop().await;
}

#[tokio::test]
async fn faults_happen_to_as_many_requests_as_ordered_and_can_be_cleared() {
    let bank = Bank::start().await;
    bank.order_fault("too_many_requests", "/refunds", 5).await;
    bank.order_fault("too_many_requests", "", 2).await;
    let statuses = [bank.post(INTENTS, NEW).await.status, bank.post(INTENTS, NEW).await.status];
    assert_eq!((statuses, bank.post(INTENTS, NEW).await.status), ([429, 429], 200));
    let orders = bank.get("/-/faults").await.expect(200);
    assert_eq!(orders, json!([{ "fault": "too_many_requests", "path": "/refunds", "times": 5, "milliseconds": 0 }]));
    assert_eq!(bank.api.request("DELETE", "/-/faults", "", b"").await.status, 204);
    assert_eq!(bank.get("/-/faults").await.expect(200), json!([]));
    for wrong in [json!({}), json!({ "fault": "explode" }), json!({ "fault": "delay", "colour": "red" })] {
        let error = bank.api.send("POST", "/-/faults", "", &wrong).await.expect(400)["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("a fault looks like"), "{error}");
    }
    bank.stop().await;
}

#[tokio::test]
async fn no_fault_can_be_ordered_unless_the_bank_was_started_for_it() {
    let bank = Bank::with(&[("BANK__FAULTS", "false")]).await;
    assert_eq!(bank.get("/-/faults").await.status, 404);
    bank.stop().await;
}
