//! Lists and their pages.

use crate::bank::{Bank, id_of};

#[tokio::test]
async fn a_list_begins_with_the_newest_and_goes_on_after_and_before_an_id() {
    let bank = Bank::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bank.intent().await);
    }
    ids.reverse();
    let page = async |query: &str| {
        let page = bank.get(&format!("/v1/payment_intents?{query}")).await.expect(200);
        let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(id_of).collect();
        (ids, page["has_more"].as_bool().unwrap())
    };
    assert_eq!(page("").await, (ids.clone(), false));
    assert_eq!(page("limit=2").await, (ids[..2].to_vec(), true));
    assert_eq!(page(&format!("limit=2&starting_after={}", ids[1])).await, (ids[2..4].to_vec(), true));
    assert_eq!(page(&format!("limit=2&starting_after={}", ids[3])).await, (ids[4..].to_vec(), false));
    assert_eq!(page(&format!("limit=2&ending_before={}", ids[3])).await, (ids[1..3].to_vec(), true));
    assert_eq!(page("created[gte]=1&created[lt]=2").await, (Vec::new(), false));
    for wrong in ["limit=0", "limit=101", "limit=many", "created[gte]=yesterday", "colour=red"] {
        bank.get(&format!("/v1/payment_intents?{wrong}")).await.expect(400);
    }
    bank.stop().await;
}

#[tokio::test]
async fn every_change_is_an_event_that_shows_the_object_as_it_was_then() {
    let bank = Bank::start().await;
    let intent = bank.paid("tok_visa").await;
    bank.post("/v1/refunds", &format!("payment_intent={intent}")).await.expect(200);
    let events = bank.list("/v1/events").await;
    let kinds: Vec<_> = events.iter().rev().map(|event| event["type"].as_str().unwrap()).collect();
    let expected =
        ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.refunded", "refund.created"];
    assert_eq!(kinds, expected);
    assert_eq!(events[4]["data"]["object"]["status"], "requires_payment_method");
    let paid = bank.list("/v1/events?type=payment_intent.succeeded").await;
    assert_eq!((paid.len(), &paid[0]["data"]["object"]["status"]), (1, &"succeeded".into()));
    let shown = bank.get(&format!("/v1/events/{}", id_of(&paid[0]))).await.expect(200);
    assert_eq!(shown, paid[0]);
    bank.stop().await;
}
