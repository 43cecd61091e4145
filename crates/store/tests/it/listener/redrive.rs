//! A redriven event takes effect if it has not done so before.

use anyhow::anyhow;
use bus::{Consumer, Membership, Verdict};
use bus::{Limits, Rejection};
use testkit::{Broker, Database, name, until};

use super::harness::{AWAITED, Does, Seller, World};
use crate::ticket;
use bus::DeadLetter;
use testkit::{all_of_it, listen_to};

async fn letter(world: &World<'_>, number: u64) -> DeadLetter {
    until("a dead letter", || async { DeadLetter::find(&world.client.bus, number).await.unwrap().is_some() }).await;
    DeadLetter::find(&world.client.bus, number).await.unwrap().unwrap()
}

fn seller(does: Does) -> Seller {
    Seller { does, limits: Limits { attempts: 2, ..Limits::default() }, ..Seller::default() }
}

#[tokio::test]
async fn a_redriven_event_that_fails_again_is_a_new_dead_letter_and_takes_effect_once_when_fixed() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let does = |before| if before < 4 { Err(anyhow!("attempt {before}").into()) } else { Ok(()) };
    let listener = world.listen(seller(does)).await;
    world.client.publish(serde_json::to_string(&ticket("concert")).unwrap()).await;
    let errors = |letter: &DeadLetter| letter.history.iter().map(|one| one.error.clone()).collect::<Vec<_>>();
    let first = letter(&world, 1).await;
    assert_eq!(errors(&first), ["attempt 0", "attempt 1"]);
    first.redrive(&world.client.bus).await.unwrap();
    let second = letter(&world, 2).await;
    assert_eq!(
        (second.reason.as_str(), &second.event_id),
        ("failed 2 times, the last time: attempt 3", &first.event_id)
    );
    assert_eq!(errors(&second), ["attempt 2", "attempt 3"]);
    second.redrive(&world.client.bus).await.unwrap();
    assert_eq!(world.sold(1).await, [1]);
    // The number of another redrive, so that the broker does not take it for a duplicate.
    DeadLetter { number: 17, ..second }.redrive(&world.client.bus).await.unwrap();
    world.settled().await;
    assert_eq!(world.sold(1).await, [1]);
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_redriven_event_without_an_id_does_not_take_effect_again() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let listener = world.listen(Seller::default()).await;
    let outsider = broker.outsider().await;
    let payload = serde_json::to_string(&ticket("concert")).unwrap();
    outsider.publish("ticket:created", payload.into()).await.unwrap().await.unwrap();
    assert_eq!(world.sold(1).await, [1]);
    // The same group, under another durable name, has moved the event to the dead letters.
    let membership = Membership::DurableGroup { group: name("tickets"), durable: name("older") };
    let consumer = Consumer { membership, ..all_of_it() };
    let older = listen_to(&world.client, consumer, |delivery| match delivery.redrive_of() {
        None => Verdict::dead_letter("not written"),
        Some(_) => Verdict::Ack,
    });
    let mut older = older.await;
    letter(&world, 1).await.redrive(&world.client.bus).await.unwrap();
    older.next().await;
    assert_eq!(older.next().await.redrive_of(), Some(1));
    world.settled().await;
    assert_eq!(world.sold(1).await, [1]);
    older.close().await;
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_redriven_event_waits_as_long_as_any_other() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let world = World::new(&database, &broker).await;
    let limits = Limits { wait: super::harness::SOON, ..Limits::default() };
    let does = |_| Err(Rejection::until_it_exists(AWAITED));
    let listener = world.listen(Seller { does, limits, ..Seller::default() }).await;
    world.client.publish(serde_json::to_string(&ticket("concert")).unwrap()).await;
    letter(&world, 1).await.redrive(&world.client.bus).await.unwrap();
    let again = letter(&world, 2).await;
    assert_eq!(again.reason, format!("version 0 of order/{AWAITED} did not arrive within 300ms"));
    listener.stop().await.result.unwrap();
    world.close().await;
    broker.stop().await;
}
