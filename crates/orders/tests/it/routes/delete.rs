//! DELETE /api/orders/:orderId

use common::events::PaymentCreated;
use testkit::{message, new_id, unknown_id};

use crate::app::{World, signin};

#[tokio::test]
async fn marks_an_order_as_cancelled_and_emits_one_order_cancelled_event_for_repeated_requests() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    for _ in 0..3 {
        let answer = world.app.cancel(&buyer, &id).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    let shown = world.app.show(&buyer, &id).await.expect(200);
    assert_eq!((&shown["status"], &shown["version"]), (&"cancelled".into(), &1.into()));
    let next = world.app.order(&buyer, &ticket).await; // the ticket is free
    world.app.cancel(&buyer, &next).await;
    let cancellations = world.cancellations(2).await;
    let ids: Vec<_> = cancellations.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids, [id, next]);
    assert!(cancellations.iter().all(|event| event.ticket.id == ticket.id && event.version == 1));
    world.stop().await;
}

#[tokio::test]
async fn refuses_to_cancel_another_users_order_an_unknown_one_or_a_paid_one() {
    let world = World::start().await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    for somebody in ["", &signin()] {
        world.app.cancel(somebody, &id).await.is_error(401, &message("Not authorized"));
    }
    for id in [unknown_id().as_str(), "nonsense"] {
        world.app.cancel(&buyer, id).await.is_error(404, &message("Not Found"));
    }
    let order_id = id.parse().unwrap();
    world.publish(&PaymentCreated { id: new_id(), order_id, stripe_id: "ch_1".to_owned() }).await;
    world.app.is(&buyer, &id, "complete").await;
    world.app.cancel(&buyer, &id).await.is_error(400, &message("Cannot cancel a completed order"));
    world.stop().await;
}
