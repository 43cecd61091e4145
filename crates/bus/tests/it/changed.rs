//! Streams and consumers that somebody else has made or changed.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{Context, consumer};
use bus::inspect::Snapshot;
use bus::{Bus, Connection, Consumer, ErrorKind, Subscription, Verdict};
use service::{Running, launch};
use testkit::{Broker, durable_group, listen_to, name, until};
use time::OffsetDateTime;

fn ack(_: &bus::Delivery) -> Verdict {
    Verdict::Ack
}

/// A stream of another program.
fn crm(name: &str, subjects: &[&str]) -> Config {
    Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(ToString::to_string).collect(),
        max_messages: 1000,
        max_age: Duration::from_secs(86_400),
        storage: StorageType::File,
        ..Config::default()
    }
}

async fn config_of(api: &Context, stream: &str) -> Config {
    api.get_stream(stream).await.unwrap().cached_info().config.clone()
}

/// The error of a connection that is refused.
async fn refused(connection: Connection) -> (ErrorKind, String) {
    let error = launch("connection", connection).start().ready().await.unwrap_err();
    (ErrorKind::of(&error).unwrap().clone(), format!("{error:#}"))
}

#[tokio::test]
async fn a_stream_of_another_program_with_one_of_our_subjects_is_named_and_not_called_a_cluster() {
    for (subjects, taken) in [
        (&["ticket:created", "crm.>"][..], "ticket:created"),
        (&["order:created"], "order:created"),
        (&["*"], "ticket:created"),
        (&["schedule.crm"], "schedule.>"),
        (&["dead-letter.crm.x"], "dead-letter.>"),
    ] {
        let broker = Broker::start().await;
        let api = broker.outsider().await;
        let theirs = api.create_stream(crm("crm", subjects)).await.unwrap().cached_info().config.clone();
        let (kind, text) = refused(broker.connection("a")).await;
        assert_eq!(kind, ErrorKind::SubjectTaken { subject: taken.to_owned(), stream: "crm".to_owned() });
        assert!(kind.is_permanent() && text.matches("subject").count() <= 2, "{text}");
        // Not with its name as a cluster id either.
        let (kind, text) = refused(Connection { cluster_id: name("crm"), ..broker.connection("a") }).await;
        assert!(matches!(kind, ErrorKind::NotOurStream { .. }), "{text}");
        assert_eq!(config_of(&api, "crm").await, theirs);
        broker.stop().await;
    }
}

#[tokio::test]
async fn the_limits_that_an_operator_has_given_our_streams_stay() {
    let broker = Broker::start().await;
    broker.connect("a").await.close().await;
    let api = broker.outsider().await;
    let mut changed = Vec::new();
    for stream in ["ticketing", "ticketing-dead-letters"] {
        let mut config = config_of(&api, stream).await;
        config.max_messages = 5000;
        config.max_age = Duration::from_secs(86_400);
        config.max_bytes = 1 << 20;
        config.duplicate_window = Duration::from_secs(600);
        config.metadata.insert("owner".to_owned(), "shop".to_owned());
        changed.push(api.update_stream(config).await.unwrap().config);
    }
    let mut older = changed[0].clone();
    older.subjects.retain(|subject| subject != "expiration:complete");
    older.description = None;
    for (config, description) in [(changed[0].clone(), "as it is"), (older, "without one of our subjects")] {
        // With neither our description nor all of our subjects it would not be ours.
        let description_kept = Config { description: changed[0].description.clone(), ..config };
        api.update_stream(description_kept).await.unwrap();
        broker.connect("b").await.close().await;
        let mut now = config_of(&api, "ticketing").await;
        assert!(now.subjects.contains(&"expiration:complete".to_owned()), "{description}");
        now.subjects.sort_unstable();
        let mut expected = changed[0].clone();
        expected.subjects.sort_unstable();
        assert_eq!(now, expected, "{description}");
    }
    assert_eq!(config_of(&api, "ticketing-dead-letters").await, changed[1]);
    broker.stop().await;
}

const CONSUMER: &str = "g:ticket-created";

async fn consumer_of(api: &Context) -> consumer::Config {
    let found: consumer::PullConsumer = api.get_consumer_from_stream(CONSUMER, "ticketing").await.unwrap();
    found.cached_info().config.clone()
}

/// Changes the consumer as an operator does.
async fn change(api: &Context, change: impl FnOnce(&mut pull::Config)) {
    let mut config =
        <pull::Config as consumer::FromConsumer>::try_from_consumer_config(consumer_of(api).await).unwrap();
    change(&mut config);
    let _: consumer::PullConsumer = api.create_consumer_on_stream(config, "ticketing").await.unwrap();
}

#[tokio::test]
async fn what_an_operator_has_set_of_a_consumer_stays_when_the_next_member_joins() {
    let broker = Broker::start().await;
    let (a, b) = (broker.connect("a").await, broker.connect("b").await);
    listen_to(&a, durable_group("g"), ack).await.close().await;
    let api = broker.outsider().await;
    change(&api, |config| {
        config.description = Some("of the shop".to_owned());
        config.sample_frequency = 100;
        config.metadata.insert("owner".to_owned(), "shop".to_owned());
    })
    .await;
    let before = consumer_of(&api).await;
    let ack_wait = Duration::from_secs(7);
    listen_to(&b, Consumer { ack_wait, ..durable_group("g") }, ack).await.close().await;
    let mut expected = before.clone();
    expected.ack_wait = ack_wait;
    expected.metadata.insert(bus::CLIENT_ID.to_owned(), "b".to_owned());
    assert_eq!(consumer_of(&api).await, expected);
    a.close().await;
    b.close().await;
    broker.stop().await;
}

async fn join(bus: &Bus) -> (Running<()>, Result<(), service::Error>) {
    let subscription = Subscription::new(bus.clone(), durable_group("g"), async |_, _| Verdict::Ack);
    let mut running = launch("listener", subscription).start();
    let joined = running.ready().await;
    (running, joined)
}

#[tokio::test]
async fn a_consumer_that_would_lose_events_is_named_with_what_was_changed() {
    type Change = fn(&mut pull::Config);
    let changes: [(Change, &str); 5] = [
        (|config| config.headers_only = true, "it delivers headers only"),
        (|config| config.max_deliver = 3, "it gives a message up after 3 deliveries (max_deliver)"),
        (|config| config.max_batch = 1, "it answers no request for more than 1 messages (max_batch)"),
        (|config| config.max_expires = Duration::from_secs(1), "it answers no request of more than 1s (max_expires)"),
        (|config| config.filter_subject = "order:created".to_owned(), "for the subject order:created"),
    ];
    for (harm, expected) in changes {
        let broker = Broker::start().await;
        let client = broker.connect("a").await;
        listen_to(&client, durable_group("g"), ack).await.close().await;
        let api = broker.outsider().await;
        change(&api, harm).await;
        let before = consumer_of(&api).await;
        let (_running, joined) = join(&client.bus).await;
        let error = joined.unwrap_err();
        let text = format!("{error:#}");
        assert!(ErrorKind::of(&error).unwrap().is_permanent() && text.contains(expected), "{text}");
        assert!(text.contains(CONSUMER), "{text}");
        assert_eq!(consumer_of(&api).await, before);
        client.close().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_paused_consumer_is_shown_stays_paused_and_goes_on_when_it_is_resumed() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    listen_to(&client, durable_group("g"), ack).await.close().await;
    let until_then = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap() + Duration::from_secs(3600);
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    stream.pause_consumer(CONSUMER, until_then).await.unwrap();
    let published = client.publish("1").await;
    let mut listener = listen_to(&client, durable_group("g"), ack).await;
    let snapshot = Snapshot::take(&client.bus).await.unwrap();
    assert_eq!(snapshot.consumers[0].paused_until, Some(until_then));
    let [note] = &snapshot.notes[..] else { panic!("{:?}", snapshot.notes) };
    assert!(note.contains("somebody has paused the consumer g:ticket-created until 2"), "{note}");
    assert!(listener.so_far().is_empty());
    stream.resume_consumer(CONSUMER).await.unwrap();
    assert_eq!(listener.next().await.sequence, published);
    until("the note is gone", || async { Snapshot::take(&client.bus).await.unwrap().notes.is_empty() }).await;
    listener.close().await;
    client.close().await;
    broker.stop().await;
}
