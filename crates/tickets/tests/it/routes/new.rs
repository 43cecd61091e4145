//! POST /api/tickets

use common::events::TicketCreated;
use mongodb::bson::doc;
use serde_json::{Value, json};
use testkit::{field, message, stored, until};

use crate::app::{PATH, World, signin};

#[tokio::test]
async fn can_only_be_accessed_if_the_user_is_signed_in() {
    let world = World::start().await;
    let answer = world.app.post(PATH, &json!({})).await;
    answer.is_error(401, &message("Not authorized"));
    let malformed = world.app.request("POST", PATH, "content-type: application/json\r\n", b"{").await;
    malformed.is_error(401, &message("Not authorized"));
    assert_eq!(world.app.send("POST", PATH, &signin(), &json!({})).await.status, 400);
    world.stop().await;
}

#[tokio::test]
async fn returns_an_error_if_an_invalid_title_or_price_is_provided_naming_each() {
    let world = World::start().await;
    let seller = signin();
    const REQUIRED: &str = "Title is required";
    const PRICE: &str = "Price must be greater than 0";
    for title in [json!(""), json!("  \t"), json!(5), json!(true), json!(null), json!({ "$gt": "" }), json!(["a"])] {
        let answer = world.app.send("POST", PATH, &seller, &json!({ "title": title, "price": 10 })).await;
        answer.is_error(400, &json!([field("title", REQUIRED)]));
    }
    let answer = world.app.sell(&seller, &"x".repeat(201), json!(10)).await;
    answer.is_error(400, &json!([field("title", "Title must be at most 200 characters")]));
    let answer = world.app.sell(&seller, "con\u{0}cert", json!(10)).await;
    answer.is_error(400, &json!([field("title", "Title must not contain control characters")]));
    for invisible in ["\u{200b}", "\u{202e}\u{2066}", "\u{3164}\u{ad}", "\u{2800}"] {
        let answer = world.app.sell(&seller, invisible, json!(10)).await;
        answer.is_error(400, &json!([field("title", "Title must contain a visible character")]));
    }
    let wrong = [json!(-10), json!(0), json!("0"), json!(""), json!(" "), json!(null), json!([10]), json!({})];
    for price in wrong {
        world.app.sell(&seller, "concert", price).await.is_error(400, &json!([field("price", PRICE)]));
    }
    for price in ["20,00", "1,5", "$20", "20 €", "10abc", "1 000", "NaN", "0x1F"] {
        let problem = field("price", "Price must be a number with a decimal point, such as 20 or 19.99");
        world.app.sell(&seller, "concert", json!(price)).await.is_error(400, &json!([problem]));
    }
    for price in [json!(1_000_000), json!(0.001), json!("19.999"), json!(1e308)] {
        let problem = field("price", "Price must be at most 999999.99, with at most two decimals");
        world.app.sell(&seller, "concert", price).await.is_error(400, &json!([problem]));
    }
    for body in [json!({}), json!([])] {
        let answer = world.app.send("POST", PATH, &seller, &body).await;
        answer.is_error(400, &json!([field("title", REQUIRED), field("price", PRICE)]));
    }
    world.stop().await;
}

#[tokio::test]
async fn creates_a_ticket_with_valid_inputs() {
    let world = World::start().await;
    let answer = world.app.sell(&signin(), "  concert ", json!("20.00")).await;
    let ticket = answer.expect(201);
    let (id, user) = (ticket["id"].as_str().unwrap(), ticket["userId"].as_str().unwrap());
    let expected = format!(r#"{{"title":"concert","price":20,"userId":"{user}","version":0,"id":"{id}"}}"#);
    assert_eq!(answer.body, expected);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let tickets = world.database.collection("tickets").await;
    assert_eq!(tickets.count_documents(doc! {}).await.unwrap(), 1);
    let stored = tickets.find_one(doc! { "_id": id, "title": "concert", "price": 20, "version": 0 }).await.unwrap();
    assert!(stored.is_some());
    world.stop().await;
}

#[tokio::test]
async fn publishes_an_event() {
    let world = World::start().await;
    let ticket = world.app.sell(&signin(), "concert", json!(19.99)).await.expect(201);
    until("published", || async { stored::<TicketCreated>(&world.broker).await.len() == 1 }).await;
    let [announced] = &stored::<TicketCreated>(&world.broker).await[..] else { panic!("one event") };
    let mut expected = ticket.clone();
    let event = serde_json::to_value(&announced.event).unwrap();
    assert_eq!(event.as_object().unwrap().len(), 5);
    assert_eq!(sorted(&mut expected), sorted(&mut event.clone()));
    world.stop().await;
}

fn sorted(value: &mut Value) -> &Value {
    value.sort_all_objects();
    value
}
