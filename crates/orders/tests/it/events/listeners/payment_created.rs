//! payment:created

use common::events::PaymentCreated;
use mongodb::bson::doc;
use testkit::{new_id, settled};

use crate::app::{World, signin};

#[tokio::test]
async fn a_payment_that_arrives_after_the_cancellation_is_acked_and_changes_nothing() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    world.app.cancel(&buyer, &id).await;
    let order_id = id.parse().unwrap();
    let payment = PaymentCreated { id: new_id(), order_id, stripe_id: "ch_1".to_owned() };
    let before = world.app.show(&buyer, &id).await.expect(200);
    assert_eq!(before["status"], "cancelled");
    let next = world.app.order(&signin(), &ticket).await; // another buyer has the ticket
    world.publish(&payment).await;
    settled(&world.broker, "orders-service:payment-created").await;
    assert_eq!(world.app.show(&buyer, &id).await.expect(200), before);
    let letters = world.broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(letters.cached_info().state.messages, 0);
    let orders = world.database.collection("orders").await;
    let live = doc! { "ticketId": ticket.id.to_string(), "status": "created" };
    assert_eq!(orders.find_one(live).await.unwrap().unwrap().get_str("_id").unwrap(), next);
    world.stop().await;
}
