//! Reading a stream without leaving anything behind.
//!
//! A [`Reader`] has two modes: [`next`](Reader::next) follows the stream, [`try_next`](Reader::try_next) reads what is stored.
//! Both read through an ephemeral consumer without acks. A consumer that lost a message, or its connection, is thrown away,
//! and a new one begins behind the last message that was read. After a lost connection the next messages are looked up one by
//! one: the client library drops the connection when the headers of a message can't be read, and such a message is skipped.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use events::Subject;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use telemetry::WarnOnce;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};

use crate::handle::RETRY_PAUSE;
use crate::lookup::{Stored, next_on};
use crate::streams::{self, dead_letter_stream};
use crate::subscription::{CLIENT_ID, Start};
use crate::{Bus, Delivery, Error};

/// How many messages one request asks for.
const BATCH: usize = 256;

/// How many bytes one request asks for, if the broker accepts no larger messages.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What the broker says when the next message would exceed the bytes of the request.
const NO_ROOM: &str = "Exceeds MaxBytes";

/// How long a request for messages that are still to be published is valid.
const REQUEST_EXPIRY: Duration = Duration::from_secs(30);

/// How long a stored message may take to arrive.
const STORED_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the broker remembers a reader that was killed, or whose user reads no more.
const READER_EXPIRY: Duration = Duration::from_secs(35);

/// The beginning of the names of all readers' consumers.
pub const READER: &str = "ephemeral:reader:";

/// Reads a stream in its order, from a position on, and leaves nothing behind at the broker.
///
/// After a lost connection or a restart of the broker it continues behind the last message that it has read.
pub struct Reader {
    bus: Bus,
    stream: String,
    subjects: Vec<String>,
    /// Where the next consumer begins.
    from: DeliverPolicy,
    /// When the stream was created.
    created: OffsetDateTime,
    /// The last sequence of the stream when the reader was opened or refreshed.
    last: u64,
    /// How many messages there were to read when the reader was opened, as the leader of the stream reports. Not more than
    /// were read, once the reader has waited for them without success: somebody has deleted them.
    expected: u64,
    /// How many messages were read.
    read: u64,
    consumer: Option<ReaderConsumer>,
    /// How many of the next messages are looked up.
    to_look_up: usize,
}

/// One consumer of a reader, with the batch of messages that it is receiving.
struct ReaderConsumer {
    consumer: PullConsumer,
    batch: Option<Batch>,
    /// How many bytes one request asks for: at least two of the largest messages.
    max_bytes: usize,
    /// How many messages of the batch have arrived.
    received: usize,
    arrivals: Arrivals,
}

/// Checks that every message of a consumer arrives.
struct Arrivals {
    /// How many messages have arrived; the broker counts lost ones too.
    count: u64,
    reconnected: BoxFuture<'static, ()>,
}

/// What arrived from a consumer.
enum Arrival {
    Message(Delivery),
    /// A message was lost, or the consumer; a new consumer is needed.
    Broken(String),
    /// The connection was lost, perhaps because of the next messages.
    Disconnected,
}

impl Reader {
    /// Reads the events of these subjects.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_events(bus: &Bus, subjects: &[Subject], start: Start) -> Result<Self, Error> {
        let subjects = subjects.iter().map(ToString::to_string).collect();
        Self::open(bus, bus.cluster_id().to_string(), subjects, start).await
    }

    /// Reads the events of these subjects that are stored behind this sequence.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_events_behind(bus: &Bus, subjects: &[Subject], sequence: u64) -> Result<Self, Error> {
        let reader = Self::of_events(bus, subjects, Start::New).await?;
        Ok(Self { from: DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 }, ..reader })
    }

    /// Reads all dead letters.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_dead_letters(bus: &Bus) -> Result<Self, Error> {
        Self::open(bus, dead_letter_stream(bus.cluster_id()), Vec::new(), Start::All).await
    }

    /// Reads the dead letters that are stored from now on.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn of_new_dead_letters(bus: &Bus) -> Result<Self, Error> {
        Self::open(bus, dead_letter_stream(bus.cluster_id()), Vec::new(), Start::New).await
    }

    async fn open(bus: &Bus, stream: String, subjects: Vec<String>, start: Start) -> Result<Self, Error> {
        let info = streams::info(bus, &stream).await?;
        let (created, last) = (info.created, info.state.last_sequence);
        let from = match start {
            Start::New => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
            Start::All => DeliverPolicy::All,
            Start::Since(start_time) => DeliverPolicy::ByStartTime { start_time },
        };
        let expected = match start {
            Start::All if subjects.is_empty() => info.state.messages,
            Start::All => count(bus, &stream, &subjects).await?,
            Start::New | Start::Since(_) => 0,
        };
        Ok(Self {
            bus: bus.clone(),
            stream,
            subjects,
            from,
            created,
            last,
            expected,
            read: 0,
            consumer: None,
            to_look_up: 0,
        })
    }

    /// The last sequence of the stream when the reader was opened or [refreshed](Self::refresh).
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Looks up the last sequence of the stream again, and returns it.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn refresh(&mut self) -> Result<u64, Error> {
        self.last = streams::info(&self.bus, &self.stream).await?.state.last_sequence;
        Ok(self.last)
    }

    /// The next message, also one that is still to be published; waits for a broker that is away.
    ///
    /// # Errors
    ///
    /// When waiting would not help.
    pub async fn next(&mut self) -> Result<Delivery, Error> {
        let mut once = WarnOnce::default();
        loop {
            match self.follow().await {
                Ok(Arrival::Message(delivery)) => return Ok(delivery),
                Ok(Arrival::Broken(reason)) => self.begin_again(&reason),
                Ok(Arrival::Disconnected) => self.look_up_next(),
                Err(error) if error.is_permanent() => return Err(error),
                Err(error) => once.warn(&format_args!("{error:#}; trying again")),
            }
            if self.consumer.is_none() {
                sleep(RETRY_PAUSE).await;
                self.bus.connected().await;
            }
        }
    }

    /// The next message of those that are stored; `None` after the last one.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn try_next(&mut self) -> Result<Option<Delivery>, Error> {
        let give_up = Instant::now() + STORED_TIMEOUT;
        loop {
            match self.fetch().await? {
                Some(Arrival::Message(delivery)) => return Ok(Some(delivery)),
                Some(Arrival::Broken(reason)) => self.begin_again(&reason),
                Some(Arrival::Disconnected) => {
                    self.look_up_next();
                    timeout(STORED_TIMEOUT, self.bus.connected()).await.ok();
                }
                // One of several servers may lag behind the others; or somebody has deleted messages in the meantime.
                None if self.read < self.expected && Instant::now() < give_up => {}
                None => {
                    self.expected = self.expected.min(self.read);
                    return Ok(None);
                }
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    /// Deletes the reader's consumer.
    pub async fn close(self) {
        let Some(ReaderConsumer { consumer, .. }) = self.consumer else { return };
        let consumer = &consumer.cached_info().name;
        if let Err(error) = self.bus.jetstream().delete_consumer_from_stream(consumer, &self.stream).await {
            tracing::debug!(consumer, "consumer stays until the server forgets it: {error}");
        }
    }

    /// What arrives next; waits for messages that are still to be published.
    async fn follow(&mut self) -> Result<Arrival, Error> {
        if let Some(arrival) = self.looked_up().await? {
            return Ok(arrival);
        }
        let arrival = self.consumer().await?.follow().await?;
        self.note(&arrival);
        Ok(arrival)
    }

    /// What arrives next of the stored messages; `None` if there is nothing more.
    async fn fetch(&mut self) -> Result<Option<Arrival>, Error> {
        if let Some(arrival) = self.looked_up().await? {
            return Ok(Some(arrival));
        }
        let arrival = self.consumer().await?.fetch().await?;
        arrival.iter().for_each(|arrival| self.note(arrival));
        Ok(arrival)
    }

    fn note(&mut self, arrival: &Arrival) {
        if let Arrival::Message(delivery) = arrival {
            self.read += 1;
            self.from = DeliverPolicy::ByStartSequence { start_sequence: delivery.sequence + 1 };
        }
    }

    /// Throws the consumer away, and looks up what comes next.
    fn look_up_next(&mut self) {
        self.begin_again("the connection was lost");
        self.to_look_up = BATCH;
    }

    /// The next message that can be read, if it is among those that are looked up.
    async fn looked_up(&mut self) -> Result<Option<Arrival>, Error> {
        while self.to_look_up > 0 {
            let from = match self.from {
                DeliverPolicy::ByStartSequence { start_sequence } => start_sequence,
                DeliverPolicy::All => 1,
                _ => break, // no consumer has found the time yet
            };
            let mut next: Option<Stored> = None;
            let all = [">".to_owned()];
            for subject in if self.subjects.is_empty() { &all[..] } else { &self.subjects } {
                let found = next_on(&self.bus, &self.stream, subject, from).await?;
                next = next.into_iter().chain(found).min_by_key(|found| found.delivery.sequence);
            }
            let Some(Stored { delivery, is_readable }) = next else { break };
            self.to_look_up -= 1;
            let (sequence, subject) = (delivery.sequence, delivery.subject.clone());
            let arrival = Arrival::Message(delivery);
            self.note(&arrival);
            if is_readable {
                return Ok(Some(arrival));
            }
            tracing::warn!(stream = self.stream, sequence, subject, "message skipped: its headers can't be read");
        }
        self.to_look_up = 0;
        Ok(None)
    }

    /// Throws the consumer away: the next one begins behind the last message that was read.
    fn begin_again(&mut self, reason: &str) {
        tracing::debug!(stream = self.stream, "reading through a new consumer: {reason}");
        self.consumer = None;
    }

    /// The consumer; creates it if there is none.
    async fn consumer(&mut self) -> Result<&mut ReaderConsumer, Error> {
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self.create_consumer().await?,
        };
        Ok(self.consumer.insert(consumer))
    }

    async fn create_consumer(&mut self) -> Result<ReaderConsumer, Error> {
        let (bus, stream) = (&self.bus, self.stream.as_str());
        let reconnected = Box::pin(bus.reconnected());
        let failed = |error: async_nats::Error| Error::request(format!("read the stream {stream}"), error);
        let found = bus.jetstream().get_stream(stream).await.map_err(|error| failed(error.into()))?;
        let created = found.cached_info().created;
        if created != self.created {
            (self.created, self.from) = (created, DeliverPolicy::All); // its messages are counted from 1 again
        }
        let config = Config {
            name: Some(format!("{READER}{}:{}", bus.client_id(), nuid::next())),
            deliver_policy: self.from,
            filter_subjects: self.subjects.clone(),
            ack_policy: AckPolicy::None,
            inactive_threshold: READER_EXPIRY,
            memory_storage: true,
            num_replicas: 1,
            metadata: [(CLIENT_ID.to_owned(), bus.client_id().to_string())].into(),
            ..Config::default()
        };
        let consumer = found.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        if let DeliverPolicy::ByStartTime { .. } = self.from {
            // Messages are looked up by their sequence only, so the time is the sequence that the broker has found for it.
            let before = consumer.cached_info().delivered.stream_sequence;
            self.from = DeliverPolicy::ByStartSequence { start_sequence: before + 1 };
        }
        let arrivals = Arrivals { count: 0, reconnected };
        let max_bytes = BATCH_BYTES.max(2 * bus.client().max_payload());
        Ok(ReaderConsumer { consumer, batch: None, max_bytes, received: 0, arrivals })
    }
}

impl ReaderConsumer {
    /// What arrives next; waits for messages that are still to be published.
    async fn follow(&mut self) -> Result<Arrival, Error> {
        loop {
            let batch = match &mut self.batch {
                Some(batch) => batch,
                None => {
                    let request = self.consumer.batch().max_messages(BATCH).max_bytes(self.max_bytes);
                    let batch = request.expires(REQUEST_EXPIRY).messages().await;
                    self.received = 0;
                    self.batch.insert(batch.map_err(|error| Error::request("request messages", error))?)
                }
            };
            // The server ends the batch at its expiry.
            match self.arrivals.next(batch, REQUEST_EXPIRY * 2).await? {
                Some(arrival) => {
                    self.received += 1;
                    return Ok(arrival);
                }
                None => self.batch = None,
            }
        }
    }

    /// What arrives next of the stored messages; `None` if there is nothing more.
    async fn fetch(&mut self) -> Result<Option<Arrival>, Error> {
        loop {
            let batch = match &mut self.batch {
                Some(batch) => batch,
                None => {
                    let request = self.consumer.fetch().max_messages(BATCH).max_bytes(self.max_bytes);
                    let batch = request.messages().await;
                    self.received = 0;
                    self.batch.insert(batch.map_err(|error| Error::request("request messages", error))?)
                }
            };
            match self.arrivals.next(batch, STORED_TIMEOUT).await? {
                Some(arrival) => {
                    self.received += 1;
                    return Ok(Some(arrival));
                }
                None => self.batch = None,
            }
            if self.received == 0 {
                return Ok(None);
            }
        }
    }
}

impl Arrivals {
    /// What arrives next of a batch; `None` at its end.
    async fn next(&mut self, batch: &mut Batch, limit: Duration) -> Result<Option<Arrival>, Error> {
        let broken = |reason: String| Ok(Some(Arrival::Broken(reason)));
        let next = tokio::select! {
            next = timeout(limit, batch.next()) => {
                next.map_err(|_| Error::request("read", "the broker does not answer"))?
            }
            () = &mut self.reconnected => return Ok(Some(Arrival::Disconnected)),
        };
        let mut message = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) if error.to_string().contains(NO_ROOM) => return Ok(None),
            Some(Err(error)) => return broken(error.to_string()),
            None => return Ok(None),
        };
        let position = message.info().map_err(|error| Error::request("read", error))?.consumer_sequence;
        if position != self.count + 1 {
            return broken("a message was lost on its way".to_owned());
        }
        self.count = position;
        match Delivery::of(&mut message) {
            Some(delivery) => Ok(Some(Arrival::Message(delivery))),
            None => Err(Error::request("read", "a message is not from JetStream")),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("stream", &self.stream).field("from", &self.from).finish()
    }
}

/// How many messages of these subjects the stream contains.
async fn count(bus: &Bus, stream: &str, subjects: &[String]) -> Result<u64, Error> {
    let failed = |error: async_nats::Error| Error::request(format!("count the messages of the stream {stream}"), error);
    let found = bus.jetstream().get_stream_no_info(stream).await.map_err(|error| failed(error.into()))?;
    let mut all = 0;
    for subject in subjects {
        let mut counts = found.info_with_subjects(subject).await.map_err(|error| failed(error.into()))?;
        while let Some((_, count)) = counts.try_next().await.map_err(|error| failed(error.into()))? {
            all += count as u64;
        }
    }
    Ok(all)
}
