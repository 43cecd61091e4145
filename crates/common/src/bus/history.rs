//! What stands in a stream, read from the first message to the last.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use futures_util::TryStreamExt;
use service::Error;

use super::streams::dead_letter_stream;
use super::{Bus, Delivery};
use crate::events::Subject;

/// How many messages are fetched at once.
const BATCH: usize = 1000;

/// How long the server may take for a batch.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);

/// How long the server keeps our place when we are gone before the end.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// The messages that stood in a stream when this was made: [`Bus::history`], [`Bus::dead_letters`].
#[derive(Debug)]
pub struct History {
    bus: Bus,
    consumer: PullConsumer,
    left: u64,
}

impl Bus {
    /// All messages of these subjects, up to the last one there is now.
    ///
    /// # Errors
    ///
    /// When the broker does not answer, or there is no stream.
    pub async fn history(&self, subjects: &[Subject]) -> Result<History, Error> {
        self.all_of(self.cluster_id().as_str(), subjects.iter().map(ToString::to_string).collect()).await
    }

    /// All dead letters, up to the last one there is now: for [`DeadLetter::read`](super::DeadLetter::read).
    ///
    /// # Errors
    ///
    /// When the broker does not answer, or there is no stream.
    pub async fn dead_letters(&self) -> Result<History, Error> {
        self.all_of(&dead_letter_stream(self.cluster_id()), Vec::new()).await
    }

    async fn all_of(&self, stream: &str, filter_subjects: Vec<String>) -> Result<History, Error> {
        let config = Config {
            filter_subjects,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            ..Config::default()
        };
        let consumer: PullConsumer =
            self.jetstream().create_consumer_on_stream(config, stream).await.context("reading the stream")?;
        let left = consumer.cached_info().num_pending;
        let history = History { bus: self.clone(), consumer, left };
        if left == 0 {
            history.forget().await;
        }
        Ok(history)
    }
}

impl History {
    /// How many are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next ones, in the order of the stream; none when that was all.
    ///
    /// # Errors
    ///
    /// When the broker does not answer any more.
    pub async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let wanted = BATCH.min(self.left.try_into().unwrap_or(BATCH));
        let batch = self.consumer.batch().max_messages(wanted).expires(FETCHED_WITHIN).messages();
        let batch = batch.await.context("reading the stream")?.map_ok(|mut message| Delivery::of(&mut message));
        let read: Vec<Option<Delivery>> = batch.map_err(|error| anyhow::anyhow!(error)).try_collect().await?;
        ensure!(!read.is_empty(), "the broker has stopped to answer while the stream was read");
        self.left = self.left.saturating_sub(read.len() as u64);
        if self.left == 0 {
            self.forget().await;
        }
        Ok(read.into_iter().flatten().collect())
    }

    /// Leaves nothing behind; if this fails, the server forgets it by itself.
    async fn forget(&self) {
        let of = self.consumer.cached_info();
        self.bus.jetstream().delete_consumer_from_stream(&of.name, &of.stream_name).await.ok();
    }
}
