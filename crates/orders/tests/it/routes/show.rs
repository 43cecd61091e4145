//! GET /api/orders/:orderId

use mongodb::bson::doc;
use serde_json::json;
use testkit::{message, unknown_id};

use crate::app::{World, signin};

#[tokio::test]
async fn fetches_the_order() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let made = world.app.reserve(&buyer, &ticket).await;
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let shown = world.app.show(&buyer, &id).await;
    assert_eq!((shown.status, shown.body), (200, made.body));
    world.stop().await;
}

#[tokio::test]
async fn shows_the_title_and_price_that_the_order_was_made_at_whatever_becomes_of_ticket_and_order() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let made = world.app.reserve(&buyer, &ticket).await.expect(201);
    let id = made["id"].as_str().unwrap();
    world.change(&ticket, "new concert", 3000).await;
    assert_eq!(world.app.show(&buyer, id).await.expect(200), made);
    world.database.collection("tickets").await.delete_many(doc! {}).await.unwrap();
    assert_eq!(world.app.show(&buyer, id).await.expect(200), made, "the copy is not needed");
    assert_eq!(world.app.cancel(&buyer, id).await.status, 204);
    assert_eq!(world.app.show(&buyer, id).await.expect(200)["ticket"], made["ticket"]);
    world.stop().await;
}

#[tokio::test]
async fn shows_the_ticket_as_it_is_now_if_the_order_does_not_store_it() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let made = world.app.reserve(&buyer, &ticket).await.expect(201);
    let id = made["id"].as_str().unwrap();
    world.as_an_older_version_stored_it(id).await;
    assert_eq!(world.app.show(&buyer, id).await.expect(200), made);
    world.change(&ticket, "new concert", 3000).await;
    let shown = world.app.show(&buyer, id).await.expect(200);
    assert_eq!(shown["ticket"], json!({ "title": "new concert", "price": 30, "version": 1, "id": ticket.id }));
    world.stop().await;
}

#[tokio::test]
async fn returns_an_error_if_one_user_tries_to_fetch_another_users_order_or_an_unknown_one() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    for somebody in ["", &signin()] {
        world.app.show(somebody, &id).await.is_error(401, &message("Not authorized"));
    }
    for id in [unknown_id().as_str(), "nonsense", "%ff"] {
        world.app.show(&buyer, id).await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}
