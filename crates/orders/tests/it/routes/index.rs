//! GET /api/orders

use mongodb::bson::doc;
use testkit::message;

use crate::app::{PATH, World, signin, updated};

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
    assert_eq!(world.app.get(PATH, &signin()).await.body, "[]");
    world.app.get(PATH, "").await.is_error(401, &message("Not authorized"));
    world.stop().await;
}

#[tokio::test]
async fn shows_the_ticket_as_it_is_now() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    let buyer = signin();
    world.app.order(&buyer, &ticket).await;
    world.publish(&updated(&ticket, 1, "reserved concert")).await;
    testkit::until("the new title", || async {
        world.app.get(PATH, &buyer).await.json()[0]["ticket"]["title"] == "reserved concert"
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn an_order_that_can_not_be_read_or_whose_copy_can_not_is_left_out() {
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
    copies.update_one(doc! { "_id": &tickets[1] }, doc! { "$set": { "title": 5 } }).await.unwrap();
    copies.delete_one(doc! { "_id": &tickets[3] }).await.unwrap();
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
