//! POST /api/orders

use common::events::OrderCreated;
use futures_util::future::join_all;
use mongodb::bson::doc;
use serde_json::json;
use testkit::{field, message, stored, unknown_id, until};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::{PATH, World, signin, ticket};

#[tokio::test]
async fn returns_an_error_if_the_ticket_does_not_exist() {
    let world = World::start().await;
    let answer = world.app.reserve(&signin(), &ticket("nowhere")).await;
    answer.is_error(404, &message("Not Found"));
    world.stop().await;
}

#[tokio::test]
async fn returns_an_error_if_nobody_is_signed_in_or_the_ticket_id_is_invalid() {
    let world = World::start().await;
    world.app.post(PATH, &json!({})).await.is_error(401, &message("Not authorized"));
    let buyer = signin();
    let (invalid, required) = (field("ticketId", "Invalid value"), field("ticketId", "TicketId must be provided"));
    for body in [json!({}), json!([]), json!({ "ticketId": "" }), json!({ "ticketId": null })] {
        world.app.send("POST", PATH, &buyer, &body).await.is_error(400, &json!([invalid, required]));
    }
    for id in [json!("nonsense"), json!(5), json!(true), json!({ "$ne": null }), json!([unknown_id()])] {
        let answer = world.app.send("POST", PATH, &buyer, &json!({ "ticketId": id })).await;
        answer.is_error(400, &json!([required]));
    }
    world.stop().await;
}

#[tokio::test]
async fn returns_an_error_if_the_ticket_is_already_reserved() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    let buyer = signin();
    world.app.order(&buyer, &ticket).await;
    for somebody in [&buyer, &signin()] {
        world.app.reserve(somebody, &ticket).await.is_error(400, &message("Ticket is already reserved"));
    }
    world.stop().await;
}

#[tokio::test]
async fn of_twenty_buyers_who_reserve_a_ticket_at_the_same_time_one_gets_it() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    let buyers = (0..20).map(|_| async { world.app.reserve(&signin(), &ticket).await });
    let (reserved, refused): (Vec<_>, Vec<_>) =
        join_all(buyers).await.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(reserved.len(), 1, "so many buyers got the only ticket");
    for answer in refused {
        answer.is_error(400, &message("Ticket is already reserved"));
    }
    world.stop().await;
}

#[tokio::test]
async fn reserves_a_ticket_and_emits_an_order_created_event() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    let before = OffsetDateTime::now_utc();
    let answer = world.app.reserve(&signin(), &ticket).await;
    let order = answer.expect(201);
    let text = |name: &str| order[name].as_str().unwrap();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"status":"created","userId":"{}","expiresAt":"{}","ticket":{{"title":"concert","price":20,"version":0,"id":"{}"}},"version":0,"id":"{}"}}"#,
            text("userId"),
            text("expiresAt"),
            ticket.id,
            text("id"),
        )
    );
    let window = OffsetDateTime::parse(text("expiresAt"), &Rfc3339).unwrap() - before;
    assert!((899..=901).contains(&window.whole_seconds()), "{window}");
    until("published", || async { !stored::<OrderCreated>(&world.broker).await.is_empty() }).await;
    let announced = serde_json::to_value(&stored::<OrderCreated>(&world.broker).await[0].event).unwrap();
    assert_eq!(announced["expiresAt"], order["expiresAt"]);
    assert_eq!(announced["ticket"], json!({ "id": ticket.id, "price": 20 }));
    assert_eq!([&announced["id"], &announced["userId"]], [&order["id"], &order["userId"]]);
    world.stop().await;
}

#[tokio::test]
async fn stores_the_ticket_with_its_price_in_cents_beside_the_id_of_the_index() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    let id = world.app.order(&signin(), &ticket).await;
    let stored = world.database.collection("orders").await.find_one(doc! { "_id": id }).await.unwrap().unwrap();
    let ticket_id = ticket.id.to_string();
    assert_eq!(stored.get_str("ticketId").unwrap(), ticket_id);
    assert_eq!(
        stored.get_document("ticket").unwrap(),
        &doc! { "_id": ticket_id, "title": "concert", "priceCents": 2000_i64, "price": 20_i64, "version": 0_i64 }
    );
    world.stop().await;
}
