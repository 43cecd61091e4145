//! Looking at a stream, without a trace.

use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use service::Error;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};

use crate::handle::{AGAIN_AFTER, is_final};
use crate::streams::dead_letter_stream;
use crate::subscription::CLIENT_ID;
use crate::{Bus, Delivery, Start};
use events::Subject;
use telemetry::WarnOnce;

/// How many messages are asked for at once.
const BATCH: usize = 256;

/// How long one request for messages that are still to come stands.
const EXPIRES: Duration = Duration::from_secs(30);

/// How long a message that is there may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(5);

/// How long the broker remembers a reader that was killed, or whose user reads no more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(35);

/// What the names of the readers' consumers begin with.
pub const READER: &str = "ephemeral:reader:";

/// Reads a stream in its order, from a place on: nothing is acked, and nothing of it remains at the broker.
///
/// After a lost connection, or a restarted broker, it goes on behind the last message that it has read.
pub struct Reader {
    bus: Bus,
    stream: String,
    subjects: Vec<String>,
    from: DeliverPolicy,
    /// When the stream was made, and what its last message was when we came.
    created: OffsetDateTime,
    last: u64,
    /// How many messages there were to read when we came, as who leads the stream says, and how many were.
    expected: u64,
    read: u64,
    reading: Option<Reading>,
}

/// One consumer of a reader.
struct Reading {
    consumer: PullConsumer,
    batch: Option<Batch>,
    /// How many messages it has delivered; those that got lost the broker counts too.
    delivered: u64,
    /// How many of them in this batch.
    in_batch: usize,
    reconnected: BoxFuture<'static, ()>,
}

/// What one look at a consumer brought.
enum Read {
    Message(Delivery),
    /// There is no more, now.
    End,
    /// A gap, or no consumer any more.
    Broken(Error),
}

impl Reader {
    /// Of the events of these subjects.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_events(bus: &Bus, subjects: &[Subject], start: Start) -> Result<Self, Error> {
        let subjects = subjects.iter().map(ToString::to_string).collect();
        Self::open(bus, bus.cluster_id().to_string(), subjects, start).await
    }

    /// Of all dead letters there are.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_dead_letters(bus: &Bus) -> Result<Self, Error> {
        Self::open(bus, dead_letter_stream(bus.cluster_id()), Vec::new(), Start::All).await
    }

    async fn open(bus: &Bus, stream: String, subjects: Vec<String>, start: Start) -> Result<Self, Error> {
        let found = bus.jetstream().get_stream(&stream).await.with_context(|| format!("asking for {stream}"))?;
        let (created, last) = (found.cached_info().created, found.cached_info().state.last_sequence);
        let from = match start {
            Start::New => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
            Start::All => DeliverPolicy::All,
            Start::Since(start_time) => DeliverPolicy::ByStartTime { start_time },
        };
        let expected = match start {
            Start::All => count(&found, &subjects).await.with_context(|| format!("asking for {stream}"))?,
            Start::New | Start::Since(_) => 0,
        };
        Ok(Self { bus: bus.clone(), stream, subjects, from, created, last, expected, read: 0, reading: None })
    }

    /// The place of the stream's last message when the reader was opened.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The next message, also one that is still to be published; waits for a broker that is away.
    ///
    /// # Errors
    ///
    /// When waiting would not help.
    pub async fn next(&mut self) -> Result<Delivery, Error> {
        let mut once = WarnOnce::default();
        loop {
            match self.read(true).await {
                Ok(Read::Message(delivery)) => return Ok(delivery),
                Ok(Read::End) => {}
                Ok(Read::Broken(error)) => tracing::debug!(self.stream, "reading again: {error:#}"),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => once.warn(&format_args!("{error:#}; trying again")),
            }
            if self.reading.is_none() {
                sleep(AGAIN_AFTER).await;
                self.bus.connected().await;
            }
        }
    }

    /// The next message of those that are there.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn next_there_is(&mut self) -> Result<Option<Delivery>, Error> {
        let give_up = Instant::now() + COMES_WITHIN;
        loop {
            match self.read(false).await? {
                Read::Message(delivery) => return Ok(Some(delivery)),
                // One of several servers may be behind the others; or somebody has deleted messages meanwhile.
                Read::End if self.read < self.expected && Instant::now() < give_up => sleep(AGAIN_AFTER).await,
                Read::End => return Ok(None),
                Read::Broken(error) => {
                    tracing::debug!(self.stream, "reading again: {error:#}");
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Leaves nothing behind.
    pub async fn close(self) {
        let Some(Reading { consumer, .. }) = self.reading else { return };
        let name = &consumer.cached_info().name;
        if let Err(error) = self.bus.jetstream().delete_consumer_from_stream(name, &self.stream).await {
            tracing::debug!(name, "the reader stays until the server forgets it: {error}");
        }
    }

    async fn read(&mut self, waits: bool) -> Result<Read, Error> {
        if self.reading.is_none() {
            self.reading = Some(self.begin().await?);
        }
        let Some(reading) = &mut self.reading else { return Ok(Read::End) };
        let read = reading.next(waits).await?;
        match &read {
            Read::Message(delivery) => {
                self.read += 1;
                self.from = DeliverPolicy::ByStartSequence { start_sequence: delivery.sequence + 1 };
            }
            Read::End => {}
            Read::Broken(_) => self.reading = None,
        }
        Ok(read)
    }

    async fn begin(&mut self) -> Result<Reading, Error> {
        let (bus, stream) = (&self.bus, self.stream.as_str());
        let reconnected = Box::pin(bus.reconnected());
        let found = bus.jetstream().get_stream(stream).await.with_context(|| format!("asking for {stream}"))?;
        let created = found.cached_info().created;
        if created != self.created {
            (self.created, self.from) = (created, DeliverPolicy::All); // its places are counted anew
        }
        let config = Config {
            name: Some(format!("{READER}{}:{}", bus.client_id(), nuid::next())),
            deliver_policy: self.from,
            filter_subjects: self.subjects.clone(),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            metadata: [(CLIENT_ID.to_owned(), bus.client_id().to_string())].into(),
            ..Config::default()
        };
        let consumer = found.create_consumer(config).await.with_context(|| format!("reading {stream}"))?;
        Ok(Reading { consumer, batch: None, delivered: 0, in_batch: 0, reconnected })
    }
}

impl Reading {
    async fn next(&mut self, waits: bool) -> Result<Read, Error> {
        loop {
            let batch = match &mut self.batch {
                Some(batch) => batch,
                None => {
                    self.in_batch = 0;
                    let asked = if waits {
                        self.consumer.batch().max_messages(BATCH).expires(EXPIRES).messages().await
                    } else {
                        self.consumer.fetch().max_messages(BATCH).messages().await
                    };
                    self.batch.insert(asked.context("asking for messages")?)
                }
            };
            let limit = if waits { EXPIRES * 2 } else { COMES_WITHIN }; // a batch that waits has an end of its own
            let next = tokio::select! {
                next = timeout(limit, batch.next()) => next.context("the broker does not answer")?,
                () = &mut self.reconnected => return Ok(Read::Broken(anyhow!("the connection was lost"))),
            };
            match next {
                Some(Ok(mut message)) => {
                    let place = message.info().map_err(|error| anyhow!(error))?.consumer_sequence;
                    if place != self.delivered + 1 {
                        return Ok(Read::Broken(anyhow!("a message was lost on its way")));
                    }
                    self.delivered = place;
                    self.in_batch += 1;
                    let delivery = Delivery::of(&mut message).context("a message that is not from JetStream")?;
                    return Ok(Read::Message(delivery));
                }
                Some(Err(error)) => return Ok(Read::Broken(anyhow!(error))),
                None => {
                    self.batch = None;
                    if waits || self.in_batch == 0 {
                        return Ok(Read::End);
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("stream", &self.stream).field("from", &self.from).finish()
    }
}

/// How many messages of these subjects there are; of all, when none is named.
async fn count(stream: &Stream, subjects: &[String]) -> Result<u64, Error> {
    if subjects.is_empty() {
        return Ok(stream.cached_info().state.messages);
    }
    let mut all = 0;
    for subject in subjects {
        let mut counts = stream.info_with_subjects(subject).await?;
        while let Some((_, count)) = counts.try_next().await? {
            all += count as u64;
        }
    }
    Ok(all)
}

/// The message at a place of a stream, if there is one.
pub(crate) async fn message_at(bus: &Bus, stream: &str, sequence: u64) -> Result<Option<Delivery>, Error> {
    let found = bus.jetstream().get_stream_no_info(stream).await?;
    match found.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(message.into())),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) if error.kind() == RawMessageErrorKind::Other => Err(anyhow!("the broker does not answer")),
        Err(error) => Err(error).with_context(|| format!("reading #{sequence} of {stream}")),
    }
}
