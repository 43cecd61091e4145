//! What the tests of the bus stand on: a broker, clients, and listeners that tell what they got.

use std::sync::Arc;
use std::time::Duration;

use common::bus::{Bus, Consumer, Delivery, Membership, Source, Start, Subscription, Verdict};
use common::events::Subject;
use service::{Running, Stopping, launch};
use testkit::{Client, LIMIT, name};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) struct Listener {
    pub(crate) running: Running<()>,
    received: mpsc::UnboundedReceiver<Arc<Delivery>>,
}

/// Starts a listener that takes no time.
pub(crate) async fn listen_to(client: &Client, consumer: Consumer, verdict: fn(&Delivery) -> Verdict) -> Listener {
    listen(&client.bus, consumer, Duration::ZERO, verdict).await
}

/// Starts a listener that takes `pace` for each message and tells of each when it begins.
pub(crate) async fn listen(
    bus: &Bus,
    consumer: Consumer,
    pace: Duration,
    verdict: fn(&Delivery) -> Verdict,
) -> Listener {
    let (tell, received) = mpsc::unbounded_channel();
    let handler = move |delivery: Arc<Delivery>, _: Stopping| {
        tell.send(Arc::clone(&delivery)).ok();
        async move {
            tokio::time::sleep(pace).await;
            verdict(&delivery)
        }
    };
    let mut running = launch("listener", Subscription { bus: bus.clone(), consumer, handler }).start();
    running.ready().await.unwrap();
    Listener { running, received }
}

impl Listener {
    pub(crate) async fn next(&mut self) -> Arc<Delivery> {
        timeout(LIMIT, self.received.recv()).await.expect("no message came in time").unwrap()
    }

    pub(crate) async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        while sequences.len() < count {
            sequences.push(self.next().await.sequence);
        }
        sequences
    }

    /// What came meanwhile and was not asked for.
    pub(crate) fn so_far(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.received.try_recv().ok()).map(|delivery| delivery.sequence).collect()
    }

    pub(crate) async fn close(self) {
        self.running.stop().await.result.unwrap();
    }
}

/// Everything from the first message on, for one listener of its own.
pub(crate) fn all_of_it() -> Consumer {
    Consumer {
        source: Source::Events(Subject::TicketCreated),
        membership: Membership::Alone,
        start: Start::All,
        ack_wait: Duration::from_secs(30),
        max_in_flight: 1000,
        batch: 10,
        concurrency: 1,
    }
}

/// As the services listen.
pub(crate) fn durable_group(group: &str) -> Consumer {
    Consumer { membership: Membership::DurableGroup { group: name(group), durable: name(group) }, ..all_of_it() }
}

/// How many deliveries of a consumer wait for an answer.
pub(crate) async fn unanswered(api: &async_nats::jetstream::Context, consumer: &str) -> usize {
    let found: async_nats::jetstream::consumer::PullConsumer =
        api.get_consumer_from_stream(consumer, "ticketing").await.unwrap();
    found.cached_info().num_ack_pending
}
