//! order:created

use mongodb::bson::Bson;

use crate::world::World;

#[tokio::test]
async fn replicates_the_order_info_and_acks_the_message() {
    let world = World::start().await;
    let order = world.order().await;
    world.publish(&order.created).await; // once more
    world.settled("order-created").await;
    let copy = world.copy(&order).await.unwrap();
    assert_eq!(copy.get("priceCents"), Some(&Bson::Int64(2000)));
    assert_eq!(copy.get_str("userId").unwrap(), order.created.user_id.to_string());
    assert_eq!((copy.get_bool("isCancelled").unwrap(), copy.get_i64("version").unwrap()), (false, 0));
    world.stop().await;
}
