//! Refunds.

use futures_util::future::join_all;
use serde_json::json;
use testkit::until;

use crate::bank::Bank;

const REFUNDS: &str = "/v1/refunds";

#[tokio::test]
async fn a_charge_is_refunded_once_in_whole_or_in_parts() {
    let bank = Bank::start().await;
    let (whole, parts) = (bank.paid("tok_visa").await, bank.paid("tok_visa").await);
    let refund = bank.post(REFUNDS, &format!("payment_intent={whole}")).await.expect(200);
    assert_eq!((&refund["status"], &refund["amount"]), (&json!("succeeded"), &json!(2000)));
    for amount in [500, 1500] {
        bank.post(REFUNDS, &format!("payment_intent={parts}&amount={amount}")).await.expect(200);
    }
    for intent in [whole, parts] {
        let error = bank.post(REFUNDS, &format!("payment_intent={intent}")).await.expect(400)["error"].clone();
        assert_eq!(error["code"], "charge_already_refunded");
    }
    assert_eq!(bank.balance().await, 0);
    bank.stop().await;
}

#[tokio::test]
async fn many_refunds_at_the_same_time_never_exceed_the_charge() {
    let bank = Bank::start().await;
    let intent = bank.paid("tok_visa").await;
    let form = format!("payment_intent={intent}&amount=1500");
    let answers = join_all([(); 10].map(|()| bank.post(REFUNDS, &form))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(bank.balance().await, 500);
    bank.stop().await;
}

#[tokio::test]
async fn a_pending_refund_succeeds_or_fails_after_a_while_and_a_failed_one_leaves_the_money() {
    let bank = Bank::start().await;
    for (token, end, balance) in [("tok_pendingRefund", "succeeded", 0), ("tok_refundFail", "failed", 2000)] {
        let intent = bank.paid(token).await;
        let refund = bank.post(REFUNDS, &format!("payment_intent={intent}")).await.expect(200);
        assert_eq!(refund["status"], "pending");
        let path = format!("{REFUNDS}/{}", refund["id"].as_str().unwrap());
        until(end, || async { bank.get(&path).await.expect(200)["status"] == end }).await;
        assert_eq!(bank.balance().await, balance, "{token}");
    }
    bank.stop().await;
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused() {
    let bank = Bank::start().await;
    let (unpaid, paid) = (bank.intent().await, bank.paid("tok_visa").await);
    for (form, status) in [
        (String::new(), 400),
        ("payment_intent=pi_1".to_owned(), 404),
        ("charge=ch_1".to_owned(), 404),
        (format!("payment_intent={unpaid}"), 400),
        (format!("payment_intent={paid}&amount=2001"), 400),
        (format!("payment_intent={paid}&amount=0"), 400),
        (format!("payment_intent={paid}&amount=all"), 400),
    ] {
        let error = bank.post(REFUNDS, &form).await.expect(status)["error"].clone();
        assert_eq!(error["type"], "invalid_request_error", "{form}");
    }
    assert_eq!(bank.balance().await, 2000);
    bank.stop().await;
}
