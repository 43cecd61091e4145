//! GET /api/orders/:orderId

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
