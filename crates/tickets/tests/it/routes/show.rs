//! GET /api/tickets/:id

use serde_json::json;
use testkit::{message, unknown_id};

use crate::app::{World, signin};

#[tokio::test]
async fn returns_a_404_if_the_ticket_is_not_found_or_its_id_is_invalid() {
    let world = World::start().await;
    let id = unknown_id();
    for id in [id.as_str(), "1", "twelve-chars", "%ff", "%00", "{\"$ne\":null}", "507f1f77bcf86cd79943901g"] {
        world.app.show(id).await.is_error(404, &message("Not Found"));
    }
    world.stop().await;
}

#[tokio::test]
async fn returns_the_ticket_if_the_ticket_is_found() {
    let world = World::start().await;
    let sold = world.app.sell(&signin(), "concert", json!(20)).await;
    let id = sold.expect(201)["id"].as_str().unwrap().to_owned();
    let shown = world.app.show(&id).await;
    shown.expect(200);
    assert_eq!(shown.body, sold.body);
    assert_eq!(world.app.show(&id.to_ascii_uppercase()).await.body, sold.body);
    let as_express_has_it = world.app.get(&format!("/API/Tickets/{id}/"), "").await;
    assert_eq!(as_express_has_it.body, sold.body);
    world.stop().await;
}
