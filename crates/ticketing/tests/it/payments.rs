//! `ticketing payments`: what an operator sees of the payments of the running application.

use serde_json::{Value, json};
use testkit::{Api, until};

use crate::process::{Program, run};

#[tokio::test]
async fn the_payments_are_listed_and_agree_with_the_bank_also_after_a_restart_on_another_port() {
    let data = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    let ticket = json!({ "title": "concert", "price": 20 });
    let ticket = api.send("POST", "/api/tickets", &session, &ticket).await.expect(201)["id"].clone();
    let body = json!({ "ticketId": ticket });
    until("ordered", || async { api.send("POST", "/api/orders", &session, &body).await.status == 201 }).await;
    let order = api.get("/api/orders", &session).await.json()[0]["id"].clone();
    let body = json!({ "token": "tok_chargeDeclined", "orderId": order });
    until("declined", || async { api.send("POST", "/api/payments", &session, &body).await.status == 400 }).await;
    assert_eq!(program.interrupt(), Some(0));

    // The bank has another port now, and is still the same provider.
    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    let body = json!({ "token": "tok_visa", "orderId": order });
    api.send("POST", "/api/payments", &session, &body).await.expect(201);
    let mongo = program.guided("MongoDB").to_owned();
    let ls = run(&["payments", "ls", "--json", "--mongo-uri", &mongo], temporary.path());
    let listed: Value = serde_json::from_slice(&ls.stdout).unwrap();
    let payment = &listed["payments"][0];
    assert_eq!((&payment["order"], &payment["state"], &payment["amount"]), (&order, &json!("paid"), &json!("20.00")));
    assert!(payment["provider"].as_str().unwrap().starts_with("http://127.0.0.1 acct_"), "{payment}");
    let stuck = run(&["payments", "ls", "--stuck", "--mongo-uri", &mongo], temporary.path());
    assert_eq!(String::from_utf8(stuck.stdout).unwrap(), "No refund is stuck.\n");

    // As the application has printed it.
    let audit = program.guided("Compare the payments with the bank: cargo run -- ").to_owned();
    let audit: Vec<_> = audit.split(' ').map(|word| word.trim_matches('\'')).collect();
    let audited = run(&audit, temporary.path());
    let said = String::from_utf8(audited.stdout).unwrap();
    assert_eq!(audited.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&audited.stderr));
    assert_eq!(
        said,
        "1 payment of the last 30 days, 1 charged by the provider: nothing differs; 0 at other providers\n"
    );
    assert_eq!(program.interrupt(), Some(0));
}

#[test]
fn an_audit_without_a_key_or_without_encryption_or_without_a_provider_says_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    for (options, why) in [
        (&["audit"][..], "set STRIPE_KEY, or name the test bank that `cargo run` has printed with --stripe-url"),
        (&["audit", "--stripe-url", "http://bank-srv:1"], "http://bank-srv:1 is not encrypted: use https"),
        (&["audit", "--stripe-url", "bank"], "must be an origin, as https://api.stripe.com"),
    ] {
        let output = run(&[&["payments"], options].concat(), temporary.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(why)), (Some(1), true), "{options:?}: {said}");
    }
}
