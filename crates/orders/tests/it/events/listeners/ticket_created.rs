//! ticket:created

use serde_json::json;
use testkit::settled;

use crate::app::World;

#[tokio::test]
async fn creates_and_saves_a_ticket_and_acks_the_message() {
    let world = World::start().await;
    let ticket = world.ticket("concert").await;
    assert_eq!(
        world.copy(&ticket).await,
        json!({ "_id": ticket.id, "title": "concert", "priceCents": 2000, "price": 20, "version": 0 })
    );
    settled(&world.broker, "orders-service:ticket-created").await;
    world.stop().await;
}
