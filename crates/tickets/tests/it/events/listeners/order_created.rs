//! order:created

use mongodb::bson::doc;
use testkit::{new_id, settled, unknown_id, until};

use super::{CREATED, Orders, announced};
use crate::app::{World, signin};

#[tokio::test]
async fn sets_the_order_of_the_ticket_acks_the_message_and_publishes_a_ticket_updated_event() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let (ticket, order) = (world.app.ticket(&signin()).await, new_id());
    orders.create(&order, &ticket).await;
    let [updated] = &announced(&world.broker, 1).await[..] else { panic!("one event") };
    assert_eq!((updated.order_id.as_ref(), updated.version), (Some(&order), 1));
    let shown = world.app.show(&ticket).await.expect(200);
    assert_eq!((shown["orderId"].as_str(), shown["version"].as_u64()), (Some(order.to_string().as_str()), Some(1)));
    settled(&world.broker, CREATED).await;
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn a_second_order_waits_until_the_first_one_is_cancelled() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let ticket = world.app.ticket(&signin()).await;
    let (first, second) = (new_id(), new_id());
    orders.create(&first, &ticket).await;
    announced(&world.broker, 1).await;
    orders.create(&second, &ticket).await;
    orders.cancel(&first, &ticket).await;
    let holders: Vec<_> = announced(&world.broker, 3).await.into_iter().map(|updated| updated.order_id).collect();
    assert_eq!(holders, [Some(first), None, Some(second)]);
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn an_order_that_waits_for_its_ticket_is_settled_by_its_own_cancellation() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let ticket = world.app.ticket(&signin()).await;
    let (holder, waits) = (new_id(), new_id());
    orders.create(&holder, &ticket).await;
    announced(&world.broker, 1).await;
    orders.create(&waits, &ticket).await;
    let waiting = world.database.collection("waiting").await;
    until("it waits", || async { waiting.count_documents(doc! {}).await.unwrap() == 1 }).await;
    orders.cancel(&waits, &ticket).await;
    until("it is settled", || async { waiting.count_documents(doc! {}).await.unwrap() == 0 }).await;
    let stored = world.database.collection("tickets").await.find_one(doc! { "_id": &ticket }).await.unwrap().unwrap();
    assert_eq!(stored.get_str("orderId").unwrap(), holder.to_string());
    assert!(!stored.contains_key("cancelledEarly"), "{stored}");
    orders.close().await;
    world.stop().await;
}

#[tokio::test]
async fn an_order_for_an_unknown_ticket_does_not_block_others() {
    let world = World::start().await;
    let orders = Orders::of(&world.broker).await;
    let (ticket, order) = (world.app.ticket(&signin()).await, new_id());
    orders.create(&new_id(), &unknown_id()).await;
    orders.create(&order, &ticket).await;
    assert_eq!(announced(&world.broker, 1).await[0].order_id, Some(order));
    settled(&world.broker, CREATED).await;
    orders.close().await;
    world.stop().await;
}
