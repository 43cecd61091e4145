//! Where the trials of one run take place: their streams, and the bucket of the service's database.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{self, StorageType};
use bus::{Bus, Name};
use futures_util::TryStreamExt;
use service::Error;
use tokio::time::sleep;

use super::event::Event;
use super::store::Store;
use crate::client;

/// The broker, and what one run creates there.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) bus: Bus,
    /// The broker's address, for the instances.
    pub(super) broker: client::Broker,
    pub(super) ack_wait: Duration,
    /// The common part of all names.
    run: Name,
}

impl Place {
    /// Creates the bucket. An event without an ack is redelivered after `ack_wait`.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    pub(super) async fn make(bus: Bus, broker: client::Broker, ack_wait: Duration) -> Result<Self, Error> {
        let place = Self { bus, broker, ack_wait, run: client::random_id() };
        let config = kv::Config { bucket: place.bucket(), storage: StorageType::Memory, ..kv::Config::default() };
        place.bus.jetstream().create_key_value(config).await?;
        Ok(place)
    }

    pub(super) fn bucket(&self) -> String {
        format!("accounts-{}", self.run)
    }

    /// The name of the stream of one trial.
    pub fn stream(&self, number: usize) -> Name {
        let name = format!("accounts-{}-{number}", self.run);
        name.parse().expect("letters, digits and dashes make a name")
    }

    /// Deletes everything that this run has created, also after a stop.
    pub(super) async fn clean_up(self) {
        let all: Result<Vec<String>, _> = self.bus.jetstream().stream_names().try_collect().await;
        let ours = self.bucket();
        let is_ours = |name: &String| name.strip_prefix("KV_").unwrap_or(name).starts_with(&ours);
        for name in all.unwrap_or_default().into_iter().filter(is_ours) {
            self.bus.jetstream().delete_stream(name).await.ok();
        }
    }

    /// Creates the stream of a trial.
    pub(super) async fn make_stream(&self, name: &Name) -> Result<(), Error> {
        let config = stream::Config {
            name: name.to_string(),
            subjects: vec![format!("{name}.events")],
            storage: StorageType::Memory,
            ..stream::Config::default()
        };
        let created = self.bus.jetstream().create_stream(config).await;
        created.with_context(|| format!("failed to create stream {name}"))?;
        Ok(())
    }

    /// Deletes the stream of a trial.
    pub(super) async fn delete_stream(&self, name: &Name) -> Result<(), Error> {
        self.bus.jetstream().delete_stream(name.as_str()).await?;
        Ok(())
    }

    /// Publishes an event, and returns its sequence in the stream.
    pub(super) async fn publish(&self, stream: &Name, event: &Event) -> Result<u64, Error> {
        let payload = serde_json::to_vec(event)?.into();
        Ok(self.bus.jetstream().publish(format!("{stream}.events"), payload).await?.await?.sequence)
    }

    /// Waits until everything published was delivered and acked.
    pub(super) async fn settled(&self, stream: &Name) -> Result<(), Error> {
        loop {
            let name = format!("ephemeral:group:accounts:{stream}-events");
            let found = self.bus.jetstream().get_consumer_from_stream(name.as_str(), stream.as_str()).await;
            let consumer: PullConsumer = found.with_context(|| format!("failed to look up consumer {name}"))?;
            let info = consumer.cached_info();
            if info.num_pending == 0 && info.num_ack_pending == 0 {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The service's database, for the documents of one trial.
    pub(super) async fn store(&self, stream: &Name) -> Result<Store, Error> {
        let bucket = self.bus.jetstream().get_key_value(self.bucket()).await?;
        Ok(Store::new(bucket, stream.to_string()))
    }
}
