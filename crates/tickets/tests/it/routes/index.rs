//! GET /api/tickets

use mongodb::bson::doc;
use serde_json::json;
use testkit::{SOMEBODY, field, message};

use crate::app::{PATH, World, signin};

#[tokio::test]
async fn can_fetch_a_list_of_tickets_oldest_first_without_the_reserved_ones() {
    let world = World::start().await;
    assert_eq!(world.app.get(PATH, "").await.body, "[]");
    let seller = signin();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.app.ticket(&seller).await);
    }
    let reserved = ids.remove(1);
    let tickets = world.database.collection("tickets").await;
    tickets.update_one(doc! { "_id": reserved }, doc! { "$set": { "orderId": SOMEBODY } }).await.unwrap();
    let answer = world.app.get(PATH, "").await;
    let listed = answer.expect(200);
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|ticket| ticket["id"].as_str().unwrap()).collect();
    assert_eq!(listed, ids);
    assert!(!answer.headers.contains_key("link"), "{answer:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_long_list_has_pages_each_with_a_link_to_the_next() {
    let world = World::start().await;
    let seller = signin();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.app.ticket(&seller).await);
    }
    let pages = pages(&world, &format!("{PATH}?limit=2"), "").await;
    assert!(pages.iter().all(|page| (1..=2).contains(&page.len())), "{pages:?}");
    assert_eq!(pages.concat(), ids);
    world.stop().await;
}

#[tokio::test]
async fn a_seller_lists_all_their_own_tickets_also_the_reserved_ones_page_by_page() {
    let world = World::start().await;
    let (seller, other) = (signin(), signin());
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.app.ticket(&seller).await);
        world.app.ticket(&other).await;
    }
    let tickets = world.database.collection("tickets").await;
    tickets.update_one(doc! { "_id": &ids[1] }, doc! { "$set": { "orderId": SOMEBODY } }).await.unwrap();

    let answer = world.app.get(&format!("{PATH}?mine=true"), &seller).await;
    let mine = answer.expect(200).as_array().unwrap().clone();
    assert_eq!(mine.iter().map(|ticket| ticket["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(mine[1], world.app.show(&ids[1]).await.expect(200), "a ticket has the same shape everywhere");
    assert_eq!(mine[1]["orderId"], SOMEBODY);

    let pages = pages(&world, &format!("{PATH}?limit=2&mine=true"), &seller).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), ids);
    assert_eq!(world.app.get(&format!("{PATH}?mine=true"), &signin()).await.body, "[]");
    let all = world.app.get(&format!("{PATH}?mine=false"), &seller).await;
    assert_eq!(all.expect(200).as_array().unwrap().len(), 9, "of everybody, without the reserved one");
    world.stop().await;
}

#[tokio::test]
async fn ones_own_tickets_need_a_session_and_a_plain_true_or_false() {
    let world = World::start().await;
    world.app.get(&format!("{PATH}?mine=true"), "").await.is_error(401, &message("Not authorized"));
    world.app.get(&format!("{PATH}?mine=false"), "").await.expect(200);
    for value in ["", "1", "yes", "TRUE", "true%20", "%00"] {
        let answer = world.app.get(&format!("{PATH}?mine={value}"), &signin()).await;
        answer.is_error(400, &json!([field("mine", "Mine must be true or false")]));
    }
    world.stop().await;
}

/// The ids on each page, from this one on, as the links lead to them.
async fn pages(world: &World, first: &str, cookie: &str) -> Vec<Vec<String>> {
    let (mut pages, mut path) = (Vec::new(), first.to_owned());
    loop {
        let answer = world.app.get(&path, cookie).await;
        let page = answer.expect(200).as_array().unwrap().clone();
        pages.push(page.iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned()).collect());
        let Some(link) = answer.headers.get("link") else { return pages };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
}

#[tokio::test]
async fn an_invalid_page_is_refused_naming_the_parameter() {
    let world = World::start().await;
    for limit in ["0", "-1", "1001", "ten", "", "99999999999999999999"] {
        let answer = world.app.get(&format!("{PATH}?limit={limit}"), "").await;
        answer.is_error(400, &json!([field("limit", "Limit must be a number from 1 to 1000")]));
    }
    for after in ["nonsense", "%00", "%ff", "%7B%22$ne%22:null%7D"] {
        world.app.get(&format!("{PATH}?after={after}"), "").await.is_some_refusal();
    }
    for harmless in ["after=507F1F77BCF86CD799439011", "somebody=elses", "after[$ne]=x", "&&="] {
        world.app.get(&format!("{PATH}?{harmless}"), "").await.expect(200);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_ticket_that_can_not_be_read_is_left_out_and_its_own_page_alone_fails() {
    let world = World::start().await;
    let seller = signin();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(world.app.ticket(&seller).await);
    }
    let tickets = world.database.collection("tickets").await;
    let broken = [
        (ids.remove(5), doc! { "$set": { "title": 5 } }),
        (ids.remove(3), doc! { "$unset": { "userId": "" } }),
        (ids.remove(0), doc! { "$set": { "priceCents": -5_i64 } }),
    ];
    for (id, change) in &broken {
        tickets.update_one(doc! { "_id": id }, change.clone()).await.unwrap();
    }
    for size in [1, 2, 3, 4, 100] {
        assert_eq!(pages(&world, &format!("{PATH}?limit={size}"), "").await.concat(), ids, "pages of {size}");
    }
    for (id, _) in &broken {
        assert_eq!(world.app.show(id).await.status, 500);
    }
    world.stop().await;
}
