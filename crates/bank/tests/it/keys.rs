//! Idempotency keys.

use futures_util::future::join_all;
use serde_json::json;
use testkit::until;

use crate::bank::Bank;

const INTENTS: &str = "/v1/payment_intents";
const NEW: &str = "amount=2000&currency=usd&metadata[order_id]=7";

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_has_no_effect() {
    let bank = Bank::start().await;
    let first = bank.try_post(INTENTS, NEW, Some("a")).await.unwrap();
    let second = bank.try_post(INTENTS, "currency=usd&metadata[order_id]=7&amount=2000", Some("a")).await.unwrap();
    assert_eq!((first.status, &first.body), (200, &second.body));
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(bank.list(INTENTS).await.len(), 1);
    bank.stop().await;
}

#[tokio::test]
async fn a_decline_is_repeated_under_its_key_and_a_refusal_is_not() {
    let bank = Bank::start().await;
    let path = format!("{INTENTS}/{}/confirm", bank.intent().await);
    let declined = bank.try_post(&path, "payment_method=pm_card_chargeDeclined", Some("a")).await.unwrap();
    let again = bank.try_post(&path, "payment_method=pm_card_chargeDeclined", Some("a")).await.unwrap();
    assert_eq!((declined.status, &declined.body), (402, &again.body));
    let refused = bank.try_post(INTENTS, "amount=1&currency=usd", Some("b")).await.unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(bank.try_post(INTENTS, NEW, Some("b")).await.unwrap().status, 200);
    bank.stop().await;
}

#[tokio::test]
async fn a_key_with_other_parameters_or_another_path_is_refused() {
    let bank = Bank::start().await;
    bank.try_post(INTENTS, NEW, Some("a")).await.unwrap().expect(200);
    for (path, form) in [(INTENTS, "amount=3000&currency=usd"), ("/v1/refunds", NEW), (INTENTS, "")] {
        let error = bank.try_post(path, form, Some("a")).await.unwrap().expect(400)["error"].clone();
        assert_eq!(error["type"], "idempotency_error", "{path} {form}");
    }
    assert_eq!(bank.list(INTENTS).await.len(), 1);
    bank.stop().await;
}

#[tokio::test]
async fn of_many_requests_with_one_key_at_the_same_time_one_has_an_effect() {
    let bank = Bank::start().await;
    let answers = join_all([(); 20].map(|()| bank.try_post(INTENTS, NEW, Some("a")))).await;
    let mut bodies: Vec<_> = answers.into_iter().flatten().filter(|one| one.status != 409).collect();
    assert!(bodies.iter().all(|answer| answer.status == 200), "{bodies:?}");
    bodies.dedup_by_key(|answer| answer.body.clone());
    assert_eq!((bodies.len(), bank.list(INTENTS).await.len()), (1, 1));
    bank.stop().await;
}

#[tokio::test]
async fn a_key_whose_request_is_being_carried_out_is_a_conflict() {
    let bank = Bank::start().await;
    let delay = json!({ "fault": "delay", "milliseconds": 500 });
    bank.api.send("POST", "/-/faults", "", &delay).await.expect(201);
    let answers = join_all([(); 3].map(|()| bank.try_post(INTENTS, NEW, Some("a")))).await;
    let mut statuses: Vec<_> = answers.iter().flatten().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    bank.stop().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_time() {
    let bank = Bank::with(&[("BANK__KEY_SECONDS", "1")]).await;
    let first = bank.try_post(INTENTS, NEW, Some("a")).await.unwrap().expect(200);
    until("another answer", || async {
        bank.try_post(INTENTS, NEW, Some("a")).await.unwrap().expect(200)["id"] != first["id"]
    })
    .await;
    bank.stop().await;
}
