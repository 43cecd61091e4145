//! A subscription that reports what it received.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Consumer, Delivery, Membership, Source, Start, Subscription, Verdict};
use events::Subject;
use service::{Running, Stopping, launch};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::{Client, LIMIT, name};

/// A running subscription, and what it has received.
#[derive(Debug)]
pub struct Subscriber {
    /// The subscription.
    pub running: Running<()>,
    received: mpsc::UnboundedReceiver<Arc<Delivery>>,
}

/// Subscribes with a handler that takes no time.
pub async fn listen_to(client: &Client, consumer: Consumer, verdict: fn(&Delivery) -> Verdict) -> Subscriber {
    listen(&client.bus, consumer, Duration::ZERO, verdict).await
}

/// Subscribes with a handler that takes `pace` for each message, and reports each when it begins.
pub async fn listen(bus: &Bus, consumer: Consumer, pace: Duration, verdict: fn(&Delivery) -> Verdict) -> Subscriber {
    let (tell, received) = mpsc::unbounded_channel();
    let handler = move |delivery: Arc<Delivery>, _: Stopping| {
        tell.send(Arc::clone(&delivery)).ok();
        async move {
            tokio::time::sleep(pace).await;
            verdict(&delivery)
        }
    };
    let mut running = launch("listener", Subscription::new(bus.clone(), consumer, handler)).start();
    running.ready().await.unwrap();
    Subscriber { running, received }
}

impl Subscriber {
    /// The next message.
    ///
    /// # Panics
    ///
    /// When none arrives in time.
    pub async fn next(&mut self) -> Arc<Delivery> {
        timeout(LIMIT, self.received.recv()).await.expect("no message came in time").unwrap()
    }

    /// The sequences of the next messages.
    pub async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        while sequences.len() < count {
            sequences.push(self.next().await.sequence);
        }
        sequences
    }

    /// The sequences of the messages that have arrived and were not asked for.
    pub fn so_far(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.received.try_recv().ok()).map(|delivery| delivery.sequence).collect()
    }

    /// Stops the subscription.
    pub async fn close(self) {
        self.running.stop().await.result.unwrap();
    }
}

/// Every message from the first one, for a listener alone.
pub fn all_of_it() -> Consumer {
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

/// A durable queue group, as the services have.
pub fn durable_group(group: &str) -> Consumer {
    Consumer { membership: Membership::DurableGroup { group: name(group), durable: name(group) }, ..all_of_it() }
}

/// How many deliveries of a consumer are unacknowledged.
pub async fn unanswered(api: &async_nats::jetstream::Context, consumer: &str) -> usize {
    let found: async_nats::jetstream::consumer::PullConsumer =
        api.get_consumer_from_stream(consumer, "ticketing").await.unwrap();
    found.cached_info().num_ack_pending
}
