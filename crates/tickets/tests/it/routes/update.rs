//! PUT /api/tickets/:id

use std::collections::BTreeSet;

use common::events::TicketUpdated;
use futures_util::future::join_all;
use mongodb::bson::doc;
use serde_json::json;
use testkit::{SOMEBODY, field, message, stored, unknown_id, until};

use crate::app::{PATH, World, signin};

#[tokio::test]
async fn returns_a_404_if_the_provided_id_does_not_exist() {
    let world = World::start().await;
    let id = unknown_id();
    for id in [id.as_str(), "nonsense"] {
        world.app.change(&signin(), id, "concert", json!(20)).await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}

#[tokio::test]
async fn returns_a_401_if_the_user_is_not_authenticated_or_does_not_own_the_ticket() {
    let world = World::start().await;
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    for somebody in ["", &signin()] {
        let answer = world.app.change(somebody, &id, "stolen", json!(1)).await;
        answer.is_error(401, &message("Not authorized"));
    }
    assert_eq!(world.app.show(&id).await.json()["title"], "concert");
    world.stop().await;
}

#[tokio::test]
async fn returns_a_400_if_the_user_provides_an_invalid_title_or_price_before_anything_else_is_checked() {
    let world = World::start().await;
    let title = field("title", "Title is required");
    let price = field("price", "Price must be provided and must be greater than 0");
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    for id in [id.as_str(), "nonsense"] {
        world.app.change(&seller, id, "", json!(20)).await.is_error(400, &json!([title]));
        world.app.change(&seller, id, "concert", json!(-10)).await.is_error(400, &json!([price]));
        let visible = field("title", "Title must contain a visible character");
        world.app.change(&seller, id, "\u{200b}\u{202e}", json!(20)).await.is_error(400, &json!([visible]));
        let decimal = field("price", "Price must be a number with a decimal point, such as 20 or 19.99");
        world.app.change(&seller, id, "concert", json!("20,00")).await.is_error(400, &json!([decimal]));
        let nothing = world.app.send("PUT", &format!("{PATH}/{id}"), &seller, &json!({})).await;
        nothing.is_error(400, &json!([title, price]));
    }
    world.stop().await;
}

#[tokio::test]
async fn updates_the_ticket_provided_valid_inputs_and_publishes_an_event() {
    let world = World::start().await;
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    let changed = world.app.change(&seller, &id, "new title", json!("99.50")).await;
    let user = changed.expect(200)["userId"].as_str().unwrap().to_owned();
    let expected = format!(r#"{{"title":"new title","price":99.5,"userId":"{user}","version":1,"id":"{id}"}}"#);
    assert_eq!(changed.body, expected);
    assert_eq!(world.app.show(&id).await.body, expected);
    // A repeated update is a change too, as in the course.
    assert_eq!(world.app.change(&seller, &id, "new title", json!(99.5)).await.expect(200)["version"], 2);
    until("published", || async { stored::<TicketUpdated>(&world.broker).await.len() == 2 }).await;
    let announced = stored::<TicketUpdated>(&world.broker).await;
    assert_eq!(announced[0].event.title, "new title");
    assert_eq!([announced[0].event.version, announced[1].event.version], [1, 2]);
    world.stop().await;
}

#[tokio::test]
async fn rejects_updates_if_the_ticket_is_reserved_whoever_asks() {
    let world = World::start().await;
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    let tickets = world.database.collection("tickets").await;
    tickets.update_one(doc! { "_id": &id }, doc! { "$set": { "orderId": SOMEBODY } }).await.unwrap();
    for somebody in [&seller, &signin()] {
        let answer = world.app.change(somebody, &id, "concert", json!(30)).await;
        answer.is_error(400, &message("Cannot edit a reserved ticket"));
    }
    assert_eq!(world.app.show(&id).await.json()["orderId"], SOMEBODY);
    world.stop().await;
}

#[tokio::test]
async fn two_concurrent_prices_two_hundred_times_make_four_hundred_versions_each_published_once() {
    let world = World::start().await;
    let seller = signin();
    let id = world.app.ticket(&seller).await;
    let mut versions = BTreeSet::new();
    for round in 1..=200 {
        let prices = [round, 1000 + round].map(|price| world.app.change(&seller, &id, "concert", json!(price)));
        for answer in join_all(prices).await {
            versions.insert(answer.expect(200)["version"].as_u64().unwrap());
        }
    }
    assert_eq!(versions, (1..=400).collect());
    until("published", || async { stored::<TicketUpdated>(&world.broker).await.len() >= 400 }).await;
    let announced: Vec<_> = stored::<TicketUpdated>(&world.broker).await.iter().map(|one| one.event.version).collect();
    assert_eq!(announced, (1..=400).collect::<Vec<_>>());
    world.stop().await;
}
