//! Webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use service::http::Http;
use service::launch;
use testkit::until;

use crate::bank::Bank;

#[tokio::test]
async fn every_event_is_sent_with_a_signature_until_it_is_accepted() {
    let received: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
    let seen = Arc::clone(&received);
    let refuse_the_first = async move |headers: HeaderMap, body: Bytes| {
        let mut seen = seen.lock().unwrap();
        seen.push((headers["stripe-signature"].to_str().unwrap().to_owned(), body));
        if seen.len() == 1 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    };
    let router = Router::new().route("/webhook", post(refuse_the_first));
    let bind = "127.0.0.1:0".parse().unwrap();
    let mut receiver = launch("receiver", Http { bind, router, drain_delay: Duration::ZERO }).start();
    let url = format!("http://{}/webhook", receiver.ready().await.unwrap());
    let bank = Bank::with(&[("BANK__WEBHOOK_URL", &url), ("BANK__WEBHOOK_SECRET", "whsec_test")]).await;
    bank.paid("tok_visa").await;
    until("all are accepted", || async {
        let events = bank.list("/v1/events").await;
        events.len() == 3 && events.iter().all(|event| event["pending_webhooks"] == 0)
    })
    .await;
    let received = received.lock().unwrap().clone();
    let mut kinds: Vec<_> = received
        .iter()
        .map(|(signature, body)| {
            let time = signature.split(['=', ',']).nth(1).unwrap().parse().unwrap();
            assert_eq!(*signature, bank::signature("whsec_test", time, body));
            serde_json::from_slice::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds.len(), 4, "the first one twice");
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]);
    bank.stop().await;
    receiver.stop().await.result.unwrap();
}

/// The example of Stripe's own libraries.
#[test]
fn a_signature_is_the_one_that_stripe_makes() {
    let signature = bank::signature("whsec_test_secret", 12345, b"{}");
    assert!(signature.starts_with("t=12345,v1=") && signature.len() == "t=12345,v1=".len() + 64, "{signature}");
}
