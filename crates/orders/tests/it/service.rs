//! The service as a whole: its settings, a broker that is away, overdue orders that no event reports.

use std::time::{Duration, Instant};

use common::events::OrderCreated;
use service::settings::{Settings, Sources};
use testkit::{stored, until};

use crate::app::{World, signin};

#[test]
fn a_service_without_its_settings_says_which_variables_to_set() {
    let sections = (orders::DECLARATION.sections)();
    let refused = Settings::load(sections, Sources::default()).unwrap_err().to_string();
    for variable in ["JWT_KEY=", "MONGO_URI=mongodb://", "NATS_URL=nats://", "NATS_CLUSTER_ID=", "NATS_CLIENT_ID="] {
        assert!(refused.contains(&format!("must be set: {variable}")), "{refused}");
    }
}

#[tokio::test]
async fn reserving_goes_on_while_the_broker_is_away_and_every_event_arrives_once_when_it_is_back() {
    let mut world = World::start().await;
    let buyer = signin();
    let mut tickets = Vec::new();
    for number in 0..10 {
        tickets.push(world.ticket(&number.to_string()).await);
    }
    world.broker.kill().await;
    let began = Instant::now();
    for ticket in &tickets {
        let id = world.app.order(&buyer, ticket).await;
        assert_eq!(world.app.cancel(&buyer, &id).await.status, 204);
    }
    // A request that waits for the broker takes at least 10 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.broker.restart().await;
    assert_eq!(world.cancellations(10).await.len(), 10);
    until("published", || async { stored::<OrderCreated>(&world.broker).await.len() >= 10 }).await;
    assert_eq!(stored::<OrderCreated>(&world.broker).await.len(), 10);
    world.stop().await;
}

#[tokio::test]
async fn an_overdue_order_is_cancelled_without_an_expiration_event() {
    let world = World::with_window("1").await;
    let (buyer, ticket) = (signin(), world.ticket("concert").await);
    let id = world.app.order(&buyer, &ticket).await;
    world.app.is(&buyer, &id, "cancelled").await;
    assert_eq!(world.cancellations(1).await[0].id.to_string(), id);
    world.stop().await;
}
