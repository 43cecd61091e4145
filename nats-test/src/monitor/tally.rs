//! The size of each channel, which JetStream does not count by subject.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use bus::Bus;
use futures_util::StreamExt;
use service::{Error, Scope, Service};
use tokio::sync::watch;
use tokio::time::sleep;

/// The bytes of all payloads, by channel.
pub type Bytes = BTreeMap<String, u64>;

/// The pause before counting again after reading the messages has failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Reads the headers of all messages, and adds up the sizes of their payloads.
#[derive(Debug)]
pub struct Tally {
    /// The bus whose messages are counted.
    pub bus: Bus,
}

impl Service for Tally {
    type Handle = watch::Receiver<Bytes>;

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let (bytes, seen) = watch::channel(Bytes::new());
        scope.ready(seen);
        let stopping = scope.stopping();
        while let Some(counted) = stopping.or(self.count(&bytes)).await {
            if let Err(error) = counted {
                tracing::debug!("failed to add up the bytes of the channels: {error:#}");
            }
            stopping.or(sleep(AGAIN_AFTER)).await;
        }
        Ok(())
    }
}

impl Tally {
    async fn count(&self, bytes: &watch::Sender<Bytes>) -> Result<(), Error> {
        let stream = self.bus.jetstream().get_stream(self.bus.cluster_id().as_str()).await?;
        let config = OrderedConfig {
            deliver_subject: format!("_INBOX.{:032x}", rand::random::<u128>()),
            headers_only: true,
            deliver_policy: DeliverPolicy::All,
            ..OrderedConfig::default()
        };
        let consumer: Consumer<OrderedConfig> = stream.create_consumer(config).await?;
        let mut messages = consumer.messages().await?;
        bytes.send_replace(Bytes::new());
        while let Some(message) = messages.next().await {
            let message = message?;
            let size = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Size"));
            let size: u64 = size.and_then(|size| size.as_str().parse().ok()).unwrap_or_default();
            let channel = message.subject.to_string();
            bytes.send_modify(|bytes| *bytes.entry(channel).or_default() += size);
        }
        Ok(())
    }
}
