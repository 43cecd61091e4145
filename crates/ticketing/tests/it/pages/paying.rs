//! Payments whose outcome is not known at once.

use serde_json::json;
use testkit::Api;

use super::reader::Reader;
use crate::process::{Program, ticketing};

#[tokio::test]
async fn a_payment_whose_outcome_is_not_known_is_said_to_be_checked_until_it_is() {
    let data = tempfile::tempdir().unwrap();
    let mut command = ticketing();
    command.args(["--free-ports", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    command.env("BANK__FAULTS", "true");
    let mut program = Program::of(command);
    program.wait_until_ready();
    let buyer = Reader::signed_up(&program, "buyer").await;
    let ticket = buyer.goes("/tickets/new", &[("title", "concert"), ("price", "20")]).await;
    let order = buyer.goes(&format!("{ticket}/purchase"), &[]).await;
    // The bank charges the card, and its answers are lost.
    let lost = json!({ "fault": "cut_after", "path": "/confirm", "times": 3 });
    Api { address: program.bank() }.post("/-/faults", &lost).await.expect(201);
    let answer = buyer.post(&format!("{order}/pay"), &[("token", "tok_visa")]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("do not pay again before this page shows it"), "{}", answer.body);
    assert!(
        answer.body.contains(r#"<noscript><meta http-equiv="refresh" content="3; url=/orders/"#),
        "{}",
        answer.body
    );
    buyer.sees(&order, "You have paid. The ticket is yours.").await;
    assert!(buyer.page("/orders").await.contains("Paid"));
    assert_eq!(program.interrupt(), Some(0));
}
