//! GET /api/orders

use mongodb::bson::doc;
use serde_json::json;
use testkit::{field, message};

use crate::app::{PATH, World, signin};

#[tokio::test]
async fn fetches_orders_for_a_particular_user_oldest_first_with_their_tickets() {
    let world = World::start().await;
    let (one, other) = (signin(), signin());
    let tickets = [world.ticket("a").await, world.ticket("b").await, world.ticket("c").await];
    world.app.order(&one, &tickets[0]).await;
    let ids = [world.app.order(&other, &tickets[1]).await, world.app.order(&other, &tickets[2]).await];
    assert_eq!(world.app.cancel(&other, &ids[0]).await.status, 204);
    let orders = world.app.get(PATH, &other).await.expect(200);
    let orders = orders.as_array().unwrap();
    assert_eq!(orders.iter().map(|order| &order["id"]).collect::<Vec<_>>(), ids.each_ref());
    assert_eq!(orders.iter().map(|order| &order["ticket"]["title"]).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(orders.iter().map(|order| &order["status"]).collect::<Vec<_>>(), ["cancelled", "created"]);
    let page = world.app.get(&format!("{PATH}?limit=1"), &other).await;
    assert_eq!(page.headers["link"], format!("<{PATH}?limit=1&after={}>; rel=\"next\"", ids[0]));
    let newest = world.app.get(&format!("{PATH}?newest=true&limit=1"), &other).await;
    assert_eq!(newest.expect(200)[0]["id"], ids[1]);
    let behind = format!("{PATH}?newest=true&limit=1&after={}", ids[1]);
    assert_eq!(newest.headers["link"], format!("<{behind}>; rel=\"next\""));
    let oldest = world.app.get(&behind, &other).await;
    assert_eq!((&oldest.expect(200)[0]["id"], oldest.headers.get("link")), (&json!(ids[0]), None));
    let wrong = json!([field("newest", "Newest must be true or false")]);
    world.app.get(&format!("{PATH}?newest=yes"), &other).await.is_error(400, &wrong);
    assert_eq!(world.app.get(PATH, &signin()).await.body, "[]");
    world.app.get(PATH, "").await.is_error(401, &message("Not authorized"));
    world.stop().await;
}

#[tokio::test]
async fn shows_the_title_and_price_that_an_order_was_made_at_after_the_ticket_has_changed() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let made = world.app.reserve(&buyer, &ticket).await.expect(201);
    world.change(&ticket, "new concert", 3000).await;
    assert_eq!(world.app.get(PATH, &buyer).await.expect(200), json!([made]));
    world.stop().await;
}

#[tokio::test]
async fn shows_the_ticket_as_it_is_now_in_an_order_that_does_not_store_it() {
    let world = World::start().await;
    let (buyer, tickets) = (signin(), [world.ticket("older").await, world.ticket("newer").await]);
    let older = world.app.order(&buyer, &tickets[0]).await;
    world.as_an_older_version_stored_it(&older).await;
    world.app.order(&buyer, &tickets[1]).await;
    for ticket in &tickets {
        world.change(ticket, "changed", 3000).await;
    }
    let listed = world.app.get(PATH, &buyer).await.expect(200);
    let shown = listed.as_array().unwrap().iter().map(|order| (&order["ticket"]["title"], &order["ticket"]["price"]));
    assert_eq!(shown.collect::<Vec<_>>(), [(&json!("changed"), &json!(30)), (&json!("newer"), &json!(20))]);
    world.stop().await;
}

#[tokio::test]
async fn an_order_that_can_not_be_read_or_that_needs_a_copy_which_can_not_is_left_out() {
    let world = World::start().await;
    let buyer = signin();
    let mut ids = Vec::new();
    let mut tickets = Vec::new();
    for title in ["a", "b", "c", "d", "e"] {
        let ticket = world.ticket(title).await;
        ids.push(world.app.order(&buyer, &ticket).await);
        tickets.push(ticket.id.to_string());
    }
    let (orders, copies) = (world.database.collection("orders").await, world.database.collection("tickets").await);
    orders.update_one(doc! { "_id": &ids[0] }, doc! { "$set": { "status": "unheard of" } }).await.unwrap();
    for id in [&ids[1], &ids[3]] {
        world.as_an_older_version_stored_it(id).await;
    }
    copies.update_one(doc! { "_id": &tickets[1] }, doc! { "$set": { "title": 5 } }).await.unwrap();
    copies.delete_many(doc! { "_id": { "$in": [&tickets[2], &tickets[3]] } }).await.unwrap();
    let readable = [ids[2].clone(), ids[4].clone()];
    for size in [1, 2, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit={size}"));
        loop {
            let answer = world.app.get(&path, &buyer).await;
            let page = answer.expect(200).as_array().unwrap().clone();
            seen.extend(page.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
            let Some(link) = answer.headers.get("link") else { break };
            path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
        assert_eq!(seen, readable, "pages of {size}");
    }
    world.stop().await;
}
