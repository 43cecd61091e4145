//! Listeners: the effects of an event and the note that it was handled are one transaction.

pub(crate) mod harness;
mod inbox;
mod redrive;
mod rejection;
mod waiting;

use bus::ErrorKind;
use opentelemetry::trace::SpanBuilder;
use telemetry::{Tracer, remote_context};
use testkit::{Broker, Database};

use crate::{outbox, ticket};
use harness::{Seller, World};

#[tokio::test]
async fn two_listeners_of_one_group_on_one_subject_are_an_error_that_names_both() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let first = world.listen(Seller::default()).await;
    let error = world.try_listen(Seller::default()).await.unwrap_err();
    let Some(ErrorKind::ListenedTwice { first: one, second: other, .. }) = ErrorKind::of(&error) else {
        panic!("{error:#}")
    };
    assert_eq!(one, other);
    assert!(format!("{error:#}").contains("harness::Selling both listen to ticket:created for the group tickets"));
    first.stop().await.result.unwrap();
    world.listen(Seller::default()).await.stop().await.result.unwrap(); // the group and subject are free again
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_trace_goes_on_through_outbox_broker_and_listener() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let (outbox, sold) = (outbox(world.store()), ticket("concert"));
    let sender = remote_context(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), Some("sale-7"));
    let step = Tracer::default().begin(sender, || SpanBuilder::from_name("sale"));
    step.scope(world.store().transaction(async move |tx| outbox.record(tx, &sold).await)).await.unwrap();
    let relay = world.relay().await;
    let listener = world.listen(Seller::default()).await;
    let announced = world.announced(1).await;
    assert!(announced[0].traceparent.as_deref().unwrap().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert_eq!(announced[0].correlation_id.as_deref(), Some("sale-7"));
    listener.stop().await.result.unwrap();
    relay.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}
