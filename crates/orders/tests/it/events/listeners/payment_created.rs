//! payment:created

use common::events::PaymentCreated;
use testkit::{new_id, settled, until};

use crate::app::{World, signin};

#[tokio::test]
async fn a_payment_that_arrives_after_the_cancellation_is_a_dead_letter_that_says_so() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    world.app.cancel(&buyer, &id).await;
    let order_id = id.parse().unwrap();
    let payment = PaymentCreated { id: new_id(), order_id, stripe_id: "ch_1".to_owned() };
    world.publish(&payment).await;
    let letters = world.broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    until("the dead letter", || async { letters.get_raw_message(1).await.is_ok() }).await;
    let reason = letters.get_raw_message(1).await.unwrap().headers.get("Dead-Letter-Reason").unwrap().to_string();
    let expected = format!("the order {id} was cancelled before its payment {}, which must be refunded", payment.id);
    assert_eq!(reason, expected);
    settled(&world.broker, "orders-service:payment-created").await;
    assert_eq!(world.app.show(&buyer, &id).await.json()["status"], "cancelled");
    world.stop().await;
}
