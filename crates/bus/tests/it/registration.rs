//! One live process for each client id.

use std::time::Duration;

use bus::{AlreadyRegistered, Bus, Displaced, Heartbeat, Registration};
use service::{Error, Failure, Running, launch};
use tokio::time::timeout;

/// A process of its own, which can be killed and frozen: see the tests of the command-line tools. Here, one that stops
/// answering is one whose runtime stands still.
async fn register(bus: &Bus, heartbeat: Heartbeat) -> Result<Running<()>, Error> {
    let mut running = launch("registration", Registration { bus: bus.clone(), heartbeat }).start();
    running.ready().await?;
    Ok(running)
}

const QUICK: Heartbeat =
    Heartbeat { interval: Duration::from_millis(100), timeout: Duration::from_millis(300), failures: 2 };
use testkit::{Broker, LIMIT, name};

#[tokio::test]
async fn a_client_id_in_use_is_refused_and_free_again_after_a_close() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    let holder = register(&first.bus, Heartbeat::default()).await.unwrap();
    let error = register(&second.bus, Heartbeat::default()).await.unwrap_err();
    assert_eq!(Failure::cause(&error), Some(&AlreadyRegistered(name("123"))));
    assert!(error.to_string().contains("client ID already registered"), "{error}");

    for _ in 0..3 {
        let error = register(&second.bus, Heartbeat::default()).await.unwrap_err();
        assert!(Failure::cause::<AlreadyRegistered>(&error).is_some(), "{error}");
    }
    holder.stop().await.result.unwrap();
    let next = register(&second.bus, Heartbeat::default()).await.unwrap();
    let error = register(&first.bus, Heartbeat::default()).await.unwrap_err();
    assert!(Failure::cause::<AlreadyRegistered>(&error).is_some(), "{error}");
    next.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn two_that_come_at_once_are_not_both_registered() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    for _ in 0..20 {
        let beat = Heartbeat::default();
        let both = tokio::join!(register(&first.bus, beat), register(&second.bus, beat));
        let ((Ok(winner), Err(error)) | (Err(error), Ok(winner))) = both else { panic!("both or neither: {both:?}") };
        assert!(Failure::cause::<AlreadyRegistered>(&error).is_some(), "{error}");
        winner.stop().await.result.unwrap();
    }
    first.close().await;
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn the_id_of_a_client_whose_connection_is_gone_is_taken_over() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    let mut gone = register(&first.bus, QUICK).await.unwrap();
    first.close().await; // nobody answers for the id any more
    let next = register(&second.bus, QUICK).await.unwrap();
    gone.request_stop();
    let _outcome = gone.ended().await;
    next.stop().await.result.unwrap();
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn whoever_lost_its_id_to_another_learns_it_at_the_next_beat() {
    let broker = Broker::start().await;
    let client = broker.connect("123").await;
    let mut holder = register(&client.bus, QUICK).await.unwrap();
    let api = broker.outsider().await;
    let registry = api.get_key_value("ticketing-clients").await.unwrap();
    registry.put("123", "another's inbox".into()).await.unwrap();
    let outcome = timeout(LIMIT, holder.ended()).await.unwrap();
    let error = outcome.result.unwrap_err();
    assert_eq!(Failure::cause(&error), Some(&Displaced(name("123"))));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_beats_stays_registered_and_one_that_does_not_is_forgotten() {
    let broker = Broker::start().await;
    let client = broker.connect("123").await;
    let api = broker.outsider().await;
    let holder = register(&client.bus, QUICK).await.unwrap();
    let registry = api.get_key_value("ticketing-clients").await.unwrap();
    let revision = registry.entry("123").await.unwrap().unwrap().revision;
    // Longer than an entry lives without a beat (1.2 s).
    testkit::until("20 beats", || async {
        let entry = registry.entry("123").await.unwrap().expect("it was forgotten");
        assert_eq!(entry.operation, async_nats::jetstream::kv::Operation::Put);
        entry.revision >= revision + 20
    })
    .await;
    // Twice: the second entry stands over the mark of the first, where a time to live is easily lost.
    for _ in 0..2 {
        let gone = broker.connect("124").await;
        let silent = register(&gone.bus, QUICK).await.unwrap();
        gone.close().await; // the entry stays, and nobody beats for it
        assert!(registry.get("124").await.unwrap().is_some());
        testkit::until("the entry gone", || async { registry.get("124").await.unwrap().is_none() }).await;
        silent.request_stop();
    }
    holder.stop().await.result.unwrap();
    assert!(registry.get("123").await.unwrap().is_none());

    let silent = Heartbeat { interval: Duration::from_secs(3600), ..QUICK };
    let short = Heartbeat { interval: Duration::from_millis(1), timeout: Duration::from_millis(1), failures: 0 };
    assert_eq!(short.forgotten_after(), Duration::from_secs(1));
    assert!(silent.forgotten_after() > Duration::from_secs(3600));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_registration_outlives_its_registry() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    let holder = register(&first.bus, QUICK).await.unwrap();
    let api = broker.outsider().await;
    api.delete_key_value("ticketing-clients").await.unwrap();
    testkit::until("registered again", || async {
        let registry = api.get_key_value("ticketing-clients").await;
        matches!(registry, Ok(registry) if matches!(registry.get("123").await, Ok(Some(_))))
    })
    .await;
    let error = register(&second.bus, QUICK).await.unwrap_err();
    assert!(Failure::cause::<AlreadyRegistered>(&error).is_some(), "{error}");
    holder.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_registration_outlives_a_broker_that_is_killed_and_restarted() {
    let mut broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    let holder = register(&first.bus, QUICK).await.unwrap();
    broker.kill().await;
    tokio::time::sleep(QUICK.forgotten_after() + Duration::from_millis(300)).await; // the entry is too old by then
    broker.restart().await;
    second.bus.publish(events::Subject::TicketCreated, "{}".into()).await.unwrap(); // connected again
    let api = broker.outsider().await;
    let registry = api.get_key_value("ticketing-clients").await.unwrap();
    testkit::until("registered again", || async { registry.get("123").await.unwrap().is_some() }).await;
    let error = register(&second.bus, QUICK).await.unwrap_err();
    assert!(Failure::cause::<AlreadyRegistered>(&error).is_some(), "{error}");
    holder.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}
