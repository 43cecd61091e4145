//! What the broker holds at one moment, for monitors and tools: streams, consumers and subjects as typed rows.
//!
//! Nothing here changes the broker. Consumers of a [`Reader`](crate::Reader) are left out: they end with their tool.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream;
use events::{Subject, timestamp};
use futures_util::TryStreamExt;
use time::OffsetDateTime;

use crate::clients::{Client, Registered, Waiting, clients};
use crate::reader::READER;
use crate::streams::{self, dead_letter_stream};
use crate::subscription::{CLIENT_ID, ConsumerList, DURABLE, QUEUE_GROUP, consumers};
use crate::{Bus, Error, lookup};

/// The state of a bus at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The stream of events.
    pub events: StreamRow,
    /// The stream of dead letters.
    pub dead_letters: StreamRow,
    /// The consumers of both streams, ordered by stream, subject and owner.
    pub consumers: Vec<ConsumerRow>,
    /// The registered clients, ordered by id.
    pub clients: Vec<Client>,
    /// What else there is to know, a sentence each: what can't be read, and which consumers are paused.
    pub notes: Vec<String>,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct StreamRow {
    /// Name of the stream.
    pub name: String,
    /// When the stream was created.
    pub created: OffsetDateTime,
    /// Number of messages in the stream.
    pub messages: u64,
    /// Size of these messages, in bytes.
    pub bytes: u64,
    /// Sequence of the first message; in an empty stream, one more than `last_sequence`.
    pub first_sequence: u64,
    /// When the first message was stored; `None` if the stream is empty.
    pub first_stored: Option<OffsetDateTime>,
    /// Sequence of the last message that was ever stored; 0 if there was none.
    pub last_sequence: u64,
    /// When the last message was stored; `None` if the stream is empty.
    pub last_stored: Option<OffsetDateTime>,
    /// Number of servers that keep the stream.
    pub replicas: usize,
    /// The server that leads the stream; `None` if the server is not clustered, or no server leads at the moment.
    pub leader: Option<String>,
    /// What the stream may grow to.
    pub limits: StreamLimits,
}

/// The limits of a stream. `None` means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Number of messages.
    pub messages: Option<u64>,
    /// Size of all messages, in bytes.
    pub bytes: Option<u64>,
    /// Age of a message.
    pub age: Option<Duration>,
    /// Number of consumers.
    pub consumers: Option<u64>,
}

/// A consumer: the position of a queue group, or of a listener of its own, in a stream.
#[derive(Clone, Debug)]
pub struct ConsumerRow {
    /// Name of the stream that the consumer reads.
    pub stream: String,
    /// Name of the consumer.
    pub name: String,
    /// The subjects that the consumer reads; empty if it reads the whole stream.
    pub subjects: Vec<String>,
    /// The queue group that shares the consumer.
    pub queue_group: Option<String>,
    /// The durable name of the subscription.
    pub durable: Option<String>,
    /// The client that listened last.
    pub client_id: Option<String>,
    /// Whether the position is kept while nobody listens.
    pub is_durable: bool,
    /// How long a delivered message may stay unacknowledged before it is redelivered.
    pub ack_wait: Duration,
    /// How many messages may be unacknowledged; `None` means unlimited.
    pub max_in_flight: Option<u64>,
    /// Number of messages that were not delivered yet.
    pub lag: u64,
    /// Number of messages that were delivered and are not acknowledged yet.
    pub in_flight: u64,
    /// Number of messages in flight that were delivered more than once.
    pub redelivered: u64,
    /// Number of requests for messages that the broker has not answered yet.
    pub requests: u64,
    /// Number of deliveries so far, redeliveries included.
    pub deliveries: u64,
    /// Stream sequence of the last message that was delivered; 0 before the first.
    pub last_delivered: u64,
    /// Until when somebody has paused the consumer, if it is paused.
    pub paused_until: Option<OffsetDateTime>,
}

/// The messages of one subject in the stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectRow {
    /// The subject.
    pub subject: Subject,
    /// Number of messages; 0 if there are none, and then the sequences are 0 too.
    pub messages: u64,
    /// Stream sequence of the first message.
    pub first_sequence: u64,
    /// Stream sequence of the last message.
    pub last_sequence: u64,
}

impl Snapshot {
    /// Reads the state of both streams and of the client registry.
    ///
    /// # Errors
    ///
    /// If the broker does not answer, or a stream does not exist.
    pub async fn take(bus: &Bus) -> Result<Self, Error> {
        let (mut consumers, mut notes) = (Vec::new(), Vec::new());
        let events = look_up(bus, bus.cluster_id().as_str(), &mut consumers, &mut notes).await?;
        let dead_letters = look_up(bus, &dead_letter_stream(bus.cluster_id()), &mut consumers, &mut notes).await?;
        let order = |row: &ConsumerRow| (row.stream.clone(), row.subject(), row.owner().to_owned());
        consumers.sort_by_cached_key(order);
        let paused = consumers.iter().filter_map(|row| Some((&row.name, row.paused_until?)));
        notes.extend(
            paused.map(|(name, until)| {
                format!("somebody has paused the consumer {name} until {}", timestamp::text(&until))
            }),
        );
        let Registered { clients, unreadable } = clients(bus).await?;
        let unreadable = unreadable.iter().map(|id| id.escape_debug());
        notes.extend(unreadable.map(|id| format!("the entry {id} of the client registry can't be read")));
        Ok(Self { events, dead_letters, consumers, clients, notes })
    }

    /// The registered clients that listen by this consumer.
    pub fn members<'a>(&'a self, consumer: &'a ConsumerRow) -> impl Iterator<Item = &'a Client> {
        let listens = |client: &&Client| client.entry.listening.iter().any(|one| one.consumer == consumer.name);
        self.clients.iter().filter(listens)
    }

    /// The events of the consumer's group that its service has stored until an earlier one arrives, as its members report
    /// every few seconds; `None` if nothing waits.
    pub fn waiting(&self, consumer: &ConsumerRow) -> Option<&Waiting> {
        let listening = self.clients.iter().flat_map(|client| &client.entry.listening);
        let same = listening.filter(|one| one.consumer == consumer.name);
        same.filter_map(|one| one.waiting.as_ref()).max_by_key(|waiting| waiting.count)
    }
}

/// The subjects of all events, in the order of [`Subject::ALL`], with their messages.
///
/// # Errors
///
/// If the broker does not answer, or the stream of events does not exist.
pub async fn subjects(bus: &Bus) -> Result<Vec<SubjectRow>, Error> {
    let name = bus.cluster_id().as_str();
    let failed =
        |error: async_nats::Error| Error::request(format!("count the messages of the stream {name} by subject"), error);
    let stream = bus.jetstream().get_stream(name).await.map_err(|error| failed(error.into()))?;
    let found = stream.info_with_subjects(">").await.map_err(|error| failed(error.into()))?;
    let counts: HashMap<String, usize> = found.try_collect().await.map_err(|error| failed(error.into()))?;
    let mut rows = Vec::new();
    for subject in Subject::ALL {
        let mut row = SubjectRow { subject, messages: 0, first_sequence: 0, last_sequence: 0 };
        if let Some(count) = counts.get(subject.as_str()) {
            let first = lookup::next_on(bus, name, subject.as_str(), 1).await?;
            let last = lookup::last_on(bus, name, subject.as_str()).await?;
            // Somebody may have deleted them since they were counted.
            if let (Some(first), Some(last)) = (first, last) {
                row.messages = *count as u64;
                (row.first_sequence, row.last_sequence) = (first.delivery.sequence, last.delivery.sequence);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

async fn look_up(
    bus: &Bus,
    name: &str,
    rows: &mut Vec<ConsumerRow>,
    notes: &mut Vec<String>,
) -> Result<StreamRow, Error> {
    let info = streams::info(bus, name).await?;
    let ConsumerList { found, unreadable } = consumers(bus, name).await?;
    rows.extend(found.into_iter().filter(|info| !info.name.starts_with(READER)).map(ConsumerRow::from));
    let unreadable = unreadable.iter().map(|one| one.escape_debug());
    notes.extend(unreadable.map(|one| format!("the consumer {one} of the stream {name} can't be read")));
    Ok(info.into())
}

impl From<stream::Info> for StreamRow {
    fn from(info: stream::Info) -> Self {
        let stream::Info { config, created, state, cluster, .. } = info;
        let stored = |at| (state.messages > 0).then_some(at);
        Self {
            name: config.name,
            created,
            messages: state.messages,
            bytes: state.bytes,
            first_sequence: state.first_sequence,
            first_stored: stored(state.first_timestamp),
            last_sequence: state.last_sequence,
            last_stored: stored(state.last_timestamp),
            replicas: config.num_replicas,
            // A server that is not clustered names itself as the leader.
            leader: cluster.filter(|cluster| cluster.name.is_some()).and_then(|cluster| cluster.leader),
            limits: StreamLimits {
                messages: limit(config.max_messages),
                bytes: limit(config.max_bytes),
                age: Some(config.max_age).filter(|age| !age.is_zero()),
                consumers: limit(config.max_consumers.into()),
            },
        }
    }
}

impl ConsumerRow {
    /// The queue group, or the client that listens alone; of a consumer that is not ours, its name.
    pub fn owner(&self) -> &str {
        self.queue_group.as_ref().or(self.client_id.as_ref()).unwrap_or(&self.name)
    }

    /// The subjects in one text; the name of the stream if the consumer reads all of it.
    pub fn subject(&self) -> String {
        if self.subjects.is_empty() { self.stream.clone() } else { self.subjects.join(", ") }
    }

    /// Whether the consumer reads this subject and no other.
    pub fn reads_only(&self, subject: &str) -> bool {
        self.subjects == [subject]
    }
}

impl From<Info> for ConsumerRow {
    fn from(info: Info) -> Self {
        let Info { stream_name, name, config, delivered, paused, .. } = info;
        let mut metadata = config.metadata;
        let subjects =
            if config.filter_subject.is_empty() { config.filter_subjects } else { vec![config.filter_subject] };
        Self {
            stream: stream_name,
            name,
            subjects,
            queue_group: metadata.remove(QUEUE_GROUP),
            durable: metadata.remove(DURABLE),
            client_id: metadata.remove(CLIENT_ID),
            is_durable: config.durable_name.is_some(),
            ack_wait: config.ack_wait,
            max_in_flight: limit(config.max_ack_pending),
            lag: info.num_pending,
            in_flight: info.num_ack_pending as u64,
            redelivered: info.num_redelivered as u64,
            requests: info.num_waiting as u64,
            deliveries: delivered.consumer_sequence,
            last_delivered: delivered.stream_sequence,
            paused_until: config.pause_until.filter(|_| paused),
        }
    }
}

/// A limit of the broker, for which 0 and -1 mean unlimited.
fn limit(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|limit| *limit > 0)
}
