//! One live process for each client id.

use std::time::Duration;

use bus::{Bus, ErrorKind, Heartbeat, Registration};
use service::{Error, Running, launch};
use testkit::{Broker, LIMIT, name};
use tokio::time::timeout;

const QUICK: Heartbeat =
    Heartbeat { interval: Duration::from_millis(100), timeout: Duration::from_millis(300), failures: 2 };

fn is_taken(error: &Error) -> bool {
    matches!(ErrorKind::of(error), Some(ErrorKind::AlreadyRegistered { .. }))
}

/// Registers in this process. The tests of the command-line tools kill and freeze processes; here, a client that does not
/// answer is one whose connection is closed.
async fn register(bus: &Bus, heartbeat: Heartbeat) -> Result<Running<()>, Error> {
    let mut running = launch("registration", Registration { bus: bus.clone(), heartbeat }).start();
    running.ready().await?;
    Ok(running)
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_and_free_again_after_a_stop() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    let holder = register(&first.bus, Heartbeat::default()).await.unwrap();
    let error = register(&second.bus, Heartbeat::default()).await.unwrap_err();
    assert_eq!(ErrorKind::of(&error), Some(&ErrorKind::AlreadyRegistered { client_id: name("123") }));
    assert!(error.to_string().contains("client ID already registered"), "{error}");

    for _ in 0..3 {
        let error = register(&second.bus, Heartbeat::default()).await.unwrap_err();
        assert!(is_taken(&error), "{error}");
    }
    holder.stop().await.result.unwrap();
    let next = register(&second.bus, Heartbeat::default()).await.unwrap();
    let error = register(&first.bus, Heartbeat::default()).await.unwrap_err();
    assert!(is_taken(&error), "{error}");
    next.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn two_concurrent_newcomers_are_not_both_registered() {
    let broker = Broker::start().await;
    let (first, second) = (broker.connect("123").await, broker.connect("123").await);
    for _ in 0..20 {
        let beat = Heartbeat::default();
        let both = tokio::join!(register(&first.bus, beat), register(&second.bus, beat));
        let ((Ok(winner), Err(error)) | (Err(error), Ok(winner))) = both else { panic!("both or neither: {both:?}") };
        assert!(is_taken(&error), "{error}");
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
async fn a_client_that_lost_its_id_to_another_learns_it_at_the_next_heartbeat() {
    let broker = Broker::start().await;
    let client = broker.connect("123").await;
    let mut holder = register(&client.bus, QUICK).await.unwrap();
    let api = broker.outsider().await;
    let registry = api.get_key_value("ticketing-clients").await.unwrap();
    registry.put("123", "another's inbox".into()).await.unwrap();
    let outcome = timeout(LIMIT, holder.ended()).await.unwrap();
    let error = outcome.result.unwrap_err();
    assert_eq!(ErrorKind::of(&error), Some(&ErrorKind::Displaced { client_id: name("123") }));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_client_with_heartbeats_stays_registered_and_one_without_is_forgotten() {
    let broker = Broker::start().await;
    let client = broker.connect("123").await;
    let api = broker.outsider().await;
    let holder = register(&client.bus, QUICK).await.unwrap();
    let registry = api.get_key_value("ticketing-clients").await.unwrap();
    let revision = registry.entry("123").await.unwrap().unwrap().revision;
    // Longer than an entry lives without a heartbeat (1.2 s).
    testkit::until("20 heartbeats", || async {
        let entry = registry.entry("123").await.unwrap().expect("it was forgotten");
        assert_eq!(entry.operation, async_nats::jetstream::kv::Operation::Put);
        entry.revision >= revision + 20
    })
    .await;
    // Twice: the second entry replaces the delete marker of the first, where a time to live is easily lost.
    for _ in 0..2 {
        let gone = broker.connect("124").await;
        let silent = register(&gone.bus, QUICK).await.unwrap();
        gone.close().await; // the entry stays, and nobody renews it
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
async fn a_registration_survives_the_loss_of_its_registry() {
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
    assert!(is_taken(&error), "{error}");
    holder.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_registration_survives_a_broker_that_is_killed_and_restarted() {
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
    assert!(is_taken(&error), "{error}");
    holder.stop().await.result.unwrap();
    first.close().await;
    second.close().await;
    broker.stop().await;
}
