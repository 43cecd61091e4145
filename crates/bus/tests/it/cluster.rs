//! Three servers, of which one may be lost, with their configuration in production.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::stream::StorageType;
use bus::{Bus, Connection, Consumer, ErrorKind, IfAbsent, Verdict};
use events::Subject;
use futures_util::future::join_all;
use service::launch;
use testkit::{Broker, Client, Subscriber, cluster, durable_group, listen_to, until};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const CONFIG: &str = include_str!("../../../../infra/k8s-prod/nats.conf");

/// How long messages may wait for the elections of servers that are back. Typically it is 6 s.
const GOES_ON_WITHIN: Duration = Duration::from_secs(25);

/// The pause of a publisher between two messages, so that a listener on a busy machine keeps up with eight of them.
const PACE: Duration = Duration::from_millis(20);

/// The number of the server that leads the stream of the events.
async fn leader(bus: &Bus) -> usize {
    let stream = bus.jetstream().get_stream("ticketing").await.unwrap();
    let leader = stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()).unwrap();
    leader.strip_prefix("nats-depl-").unwrap().parse().unwrap()
}

/// Publishes one message after the other until the flag is set; returns the confirmed sequences.
async fn publish_on(bus: Bus, stop: Arc<AtomicBool>, pause: Duration) -> Vec<u64> {
    let mut confirmed = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        confirmed.push(bus.publish(Subject::TicketCreated, "concert".into()).await.unwrap().sequence);
        sleep(pause).await;
    }
    confirmed
}

/// A connection to whichever server is reachable.
fn anywhere(brokers: &[Broker; 3], client_id: &str) -> Connection {
    let urls = brokers.each_ref().map(|broker| broker.url()).join(",");
    Connection { url: urls.parse().unwrap(), ..brokers[0].connection(client_id) }
}

/// Eight publishers and a listener.
struct Traffic {
    publisher: Client,
    subscriber: Client,
    listener: Subscriber,
    writers: JoinSet<Vec<u64>>,
    stop: Arc<AtomicBool>,
    confirmed: BTreeSet<u64>,
    received: BTreeSet<u64>,
}

impl Traffic {
    async fn start(brokers: &[Broker; 3], pause: Duration) -> Self {
        let publisher = Client::connect(anywhere(brokers, "publisher")).await;
        let subscriber = Client::connect(anywhere(brokers, "subscriber")).await;
        let ack_wait = Duration::from_secs(2);
        let consumer = Consumer { ack_wait, max_in_flight: 10_000, batch: 100, ..durable_group("g") };
        let listener = listen_to(&subscriber, consumer, |_| Verdict::Ack).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..8).map(|_| publish_on(publisher.bus.clone(), Arc::clone(&stop), pause)).collect();
        let (confirmed, received) = (BTreeSet::new(), BTreeSet::new());
        Self { publisher, subscriber, listener, writers, stop, confirmed, received }
    }

    async fn receive(&mut self) {
        self.received.insert(self.listener.next().await.sequence);
    }

    /// Stops publishing, and checks that each message is stored once, and nothing that nobody has published; returns
    /// their number.
    async fn finish(mut self, brokers: [Broker; 3]) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(writer) = self.writers.join_next().await {
            self.confirmed.extend(writer.unwrap());
        }
        while !self.received.is_superset(&self.confirmed) {
            self.receive().await;
        }
        let outsider = brokers[0].outsider().await;
        let stored = outsider.get_stream("ticketing").await.unwrap().cached_info().state.messages;
        let confirmed = self.confirmed.len();
        assert_eq!((self.received.len(), stored), (confirmed, confirmed as u64));

        self.listener.close().await;
        self.publisher.close().await;
        self.subscriber.close().await;
        join_all(brokers.into_iter().map(Broker::stop)).await;
        confirmed
    }
}

/// Kills the leader this often, while others publish and listen.
async fn lose_servers(times: usize) {
    let mut brokers = cluster(CONFIG).await;
    let mut traffic = Traffic::start(&brokers, Duration::ZERO).await;
    for _ in 0..times {
        let killed = leader(&traffic.subscriber.bus).await;
        brokers[killed].kill().await;
        // With one server less, messages that are published from now on are received.
        traffic.received.extend(traffic.listener.so_far());
        let goal = traffic.received.len() + 500;
        while traffic.received.len() < goal {
            traffic.receive().await;
        }
        brokers[killed].restart().await;
        until("all three are up to date", || async {
            let Ok(stream) = traffic.subscriber.bus.jetstream().get_stream("ticketing").await else { return false };
            let cluster = stream.cached_info().cluster.clone().unwrap();
            cluster.leader.is_some() && cluster.replicas.iter().all(|replica| replica.current && !replica.offline)
        })
        .await;
    }
    assert!(traffic.finish(brokers).await > 500 * times);
}

/// Kills two servers at the same time, this often, while others publish and listen.
///
/// Without a majority nothing is published. When the servers are back, they elect a leader of the stream and one of the
/// consumer: each candidate waits 4 to 9 s, which is fixed in nats-server, and two may split the votes.
async fn lose_majorities(times: usize) {
    let mut brokers = cluster(CONFIG).await;
    let mut traffic = Traffic::start(&brokers, PACE).await;
    for round in 0..times {
        let survivor = (leader(&traffic.subscriber.bus).await + round) % 3;
        let killed = [(survivor + 1) % 3, (survivor + 2) % 3];
        let [first, second] = brokers.get_disjoint_mut(killed).unwrap();
        tokio::join!(first.kill(), second.kill());
        first.restart().await;
        sleep(Duration::from_secs(1)).await;
        second.restart().await;
        timeout(GOES_ON_WITHIN, async {
            let sequence = traffic.publisher.publish("concert").await;
            traffic.confirmed.insert(sequence);
            while !traffic.received.contains(&sequence) {
                traffic.receive().await;
            }
        })
        .await
        .expect("publishing and listening go on");
    }
    traffic.finish(brokers).await;
}

#[tokio::test]
async fn a_killed_server_of_three_loses_nothing_confirmed_and_blocks_nobody() {
    lose_servers(1).await;
}

#[tokio::test]
#[ignore = "takes minutes: cargo test -p bus --test it -- --ignored cluster"]
async fn twenty_killed_servers_one_after_the_other_lose_nothing() {
    lose_servers(20).await;
}

#[tokio::test]
async fn two_killed_servers_of_three_lose_nothing_confirmed_and_publishing_goes_on_when_they_are_back() {
    lose_majorities(1).await;
}

#[tokio::test]
#[ignore = "takes minutes: cargo test -p bus --test it -- --ignored cluster"]
async fn twenty_times_two_killed_servers_lose_nothing() {
    lose_majorities(20).await;
}

#[tokio::test]
async fn streams_and_registry_get_the_replicas_asked_for_and_never_fewer() {
    let brokers = cluster(CONFIG).await;
    let service = brokers[0].connect("service").await;
    let tool = Connection { replicas: 1, ..brokers[1].connection("tool") };
    let mut running = launch("connection", tool).start();
    running.ready().await.unwrap();
    running.stop().await.result.unwrap();
    let outsider = brokers[2].outsider().await;
    for stream in ["ticketing", "ticketing-dead-letters"] {
        assert_eq!(outsider.get_stream(stream).await.unwrap().cached_info().config.num_replicas, 3, "{stream}");
    }
    service.close().await;
    join_all(brokers.into_iter().map(Broker::stop)).await;
}

#[tokio::test]
async fn three_replicas_on_a_server_without_a_cluster_are_refused_with_a_remedy() {
    let broker = Broker::start().await;
    let connection = Connection { replicas: 3, ..broker.connection("a") };
    let connection = Connection { if_absent: IfAbsent::Wait, ..connection };
    let error = launch("connection", connection).start().ready().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("needs 3 replicas, but this NATS server is not clustered: set NATS_REPLICAS=1"), "{text}");
    assert!(matches!(ErrorKind::of(&error), Some(ErrorKind::NotClustered { replicas: 3, .. })), "{error:?}");
    broker.stop().await;
}

#[tokio::test]
async fn a_stream_in_memory_is_refused_with_a_remedy() {
    let broker = Broker::start().await;
    let subjects = vec!["ticket:created".to_owned()];
    let description = Some("the events of this cluster".to_owned()); // which makes it ours
    let config = async_nats::jetstream::stream::Config {
        name: "ticketing".to_owned(),
        description,
        storage: StorageType::Memory,
        subjects,
        ..Default::default()
    };
    broker.outsider().await.create_stream(config).await.unwrap();
    let connection = Connection { if_absent: IfAbsent::Wait, ..broker.connection("a") };
    let error = launch("connection", connection).start().ready().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("the stream ticketing is kept in memory"), "{text}");
    assert!(matches!(ErrorKind::of(&error), Some(ErrorKind::StreamInMemory { .. })), "{error:?}");
    broker.stop().await;
}
