//! What every request has in common.

use crate::bank::{Bank, KEY};

#[tokio::test]
async fn only_the_key_of_the_account_opens_the_bank() {
    let bank = Bank::start().await;
    // "sk_test_bank:" as basic authentication, which curl -u sends
    for valid in [format!("Bearer {KEY}"), "Basic c2tfdGVzdF9iYW5rOg==".to_owned()] {
        let answer = bank.api.request("GET", "/v1/balance", &format!("authorization: {valid}\r\n"), b"").await;
        assert!(answer.status == 200 && answer.headers["request-id"].starts_with("req_"), "{valid}");
    }
    for invalid in [
        "",
        "authorization: Bearer sk_test_other\r\n",
        "authorization: Bearer sk_live_1\r\n",
        "authorization: Basic !\r\n",
    ] {
        let error = bank.api.request("GET", "/v1/balance", invalid, b"").await.expect(401)["error"].clone();
        assert_eq!(error["type"], "invalid_request_error", "{invalid}");
        assert!(!error["message"].as_str().unwrap().contains("other"), "{error}");
    }
    bank.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_404_in_the_shape_of_errors() {
    let bank = Bank::start().await;
    for path in ["/v1/customers", "/v1/payment_intents/pi_1/capture", "/", "/v2/payment_intents"] {
        let error = bank.get(path).await.expect(404)["error"].clone();
        assert!(error["message"].as_str().unwrap().starts_with("Unrecognized request URL"), "{path}");
    }
    for path in ["/v1/payment_intents/pi_1", "/v1/payment_methods/pm_1", "/v1/refunds/re_1", "/v1/events/evt_1"] {
        assert_eq!(bank.get(path).await.expect(404)["error"]["code"], "resource_missing", "{path}");
    }
    bank.stop().await;
}

#[tokio::test]
async fn unknown_tokens_and_types_are_refused() {
    let bank = Bank::start().await;
    for (form, status, param) in [
        ("", 400, "type"),
        ("type=ideal", 400, "type"),
        ("type=card", 400, "card[token]"),
        ("type=card&card[token]=tok_nothing", 404, "card[token]"),
        ("type=card&card[token]=visa", 404, "card[token]"),
        ("type=card&card[number]=4242424242424242", 400, "card[number]"),
    ] {
        assert_eq!(bank.post("/v1/payment_methods", form).await.expect(status)["error"]["param"], param, "{form}");
    }
    bank.stop().await;
}
