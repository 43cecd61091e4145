//! The JetStream consumer behind a subscription.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, PullConsumer};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use futures_util::TryStreamExt;
use service::Error;
use time::OffsetDateTime;

use crate::streams::{self, dead_letter_stream};
use crate::{Bus, Listening, Name};
use events::Subject;

/// How long a group without a durable name outlives its last member.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// How long the consumer of a listener of its own outlives it, when it does not stop in order.
const ORPHANED_AFTER: Duration = Duration::from_secs(60);

/// What a consumer's metadata says about it, for those who look after it with nobody listening.
pub const QUEUE_GROUP: &str = "queue-group";
/// As [`QUEUE_GROUP`].
pub const DURABLE: &str = "durable";
/// As [`QUEUE_GROUP`]: who listened last.
pub const CLIENT_ID: &str = "client-id";

/// What a subscription asks of the broker.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Which messages.
    pub source: Source,
    /// Who shares them.
    pub membership: Membership,
    /// Where a consumer begins that is not there yet. One that is there goes on where it stands.
    pub start: Start,
    /// How long a delivered message may stay without an answer before it is delivered again. While its handler runs,
    /// the broker is told so, and waits. It holds for the whole group, and is that of the member who joined last.
    pub ack_wait: Duration,
    /// How many messages of the whole group may be without an answer.
    pub max_in_flight: u32,
    /// How many messages one member asks for at once.
    pub batch: usize,
    /// How many messages one member handles at once.
    pub concurrency: usize,
}

/// Which messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The events of one subject.
    Events(Subject),
    /// The dead letters of all groups.
    DeadLetters,
    /// A subject of any other stream, for experiments: it must be there, and is not made again.
    Other {
        /// The stream.
        stream: Name,
        /// The subject.
        subject: String,
    },
}

/// Who shares the messages, and what remains when nobody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Each message goes to one member of the group; the group is forgotten some seconds after its last member left.
    Group(Name),
    /// Each message goes to one member of the group, whose position is kept for ever. In NATS Streaming's terms: a
    /// durable queue group.
    DurableGroup {
        /// The queue group.
        group: Name,
        /// The durable name. Within a group, each durable name is a position of its own.
        durable: Name,
    },
    /// A listener of its own, whose position is kept under its client id.
    Durable(Name),
    /// A listener of its own, forgotten when it leaves.
    Alone,
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what is published from now on.
    New,
    /// With the first message there is.
    All,
    /// With the first message published then or later.
    Since(OffsetDateTime),
}

/// A consumer of the same name is for another subject.
#[derive(Debug, thiserror::Error)]
#[error("the consumer {name} is there already, for {subject}")]
pub(crate) struct OthersConsumer {
    name: String,
    subject: String,
}

/// A consumer, and what must be remembered to make it again if somebody deletes it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    stream: String,
    name: String,
    config: Config,
    stream_created: OffsetDateTime,
    /// Up to here the whole group has handled everything, as far as we were told.
    ack_floor: u64,
}

impl Membership {
    fn queue_group(&self) -> Option<&Name> {
        match self {
            Self::Group(group) | Self::DurableGroup { group, .. } => Some(group),
            Self::Durable(_) | Self::Alone => None,
        }
    }

    fn durable(&self) -> Option<&Name> {
        match self {
            Self::DurableGroup { durable, .. } | Self::Durable(durable) => Some(durable),
            Self::Group(_) | Self::Alone => None,
        }
    }

    fn metadata(&self, client_id: &Name) -> HashMap<String, String> {
        let names = [(QUEUE_GROUP, self.queue_group()), (DURABLE, self.durable()), (CLIENT_ID, Some(client_id))];
        let known = names.into_iter().filter_map(|(key, name)| Some((key.to_owned(), name?.to_string())));
        known.collect()
    }
}

impl Consumer {
    /// The queue group, or the client id of a listener of its own: whose the dead letters are.
    pub(crate) fn group(&self, bus: &Bus) -> Name {
        self.membership.queue_group().unwrap_or(bus.client_id()).clone()
    }

    /// What the registry tells about it.
    pub(crate) fn listening(&self, held: &Held, inbox: String) -> Listening {
        Listening {
            subject: match &self.source {
                Source::Events(subject) => Some(subject.to_string()),
                Source::Other { subject, .. } => Some(subject.clone()),
                Source::DeadLetters => None,
            },
            stream: held.stream.clone(),
            consumer: held.name.clone(),
            inbox,
            queue_group: self.membership.queue_group().map(ToString::to_string),
            durable: self.membership.durable().map(ToString::to_string),
            max_in_flight: self.max_in_flight,
            ack_wait_ms: self.ack_wait.as_millis().try_into().unwrap_or(u64::MAX),
        }
    }

    /// Makes the consumer, or joins the one that is there.
    pub(crate) async fn hold(&self, bus: &Bus) -> Result<Held, Error> {
        let (stream, filter, subject) = match &self.source {
            Source::Events(subject) => (bus.cluster_id().to_string(), subject.as_str().to_owned(), subject.dashed()),
            Source::DeadLetters => (dead_letter_stream(bus.cluster_id()), String::new(), "dead-letters".to_owned()),
            Source::Other { stream, subject } => {
                (stream.to_string(), subject.clone(), subject.replace([':', '.'], "-"))
            }
        };
        let name = match &self.membership {
            Membership::DurableGroup { group, durable } if group == durable => format!("{group}:{subject}"),
            Membership::DurableGroup { group, durable } => format!("{durable}:{group}:{subject}"),
            Membership::Durable(durable) => format!("{durable}:client:{}:{subject}", bus.client_id()),
            Membership::Group(group) => format!("ephemeral:group:{group}:{subject}"),
            Membership::Alone => format!("ephemeral:client:{}:{}", bus.client_id(), nuid::next()),
        };
        let config = Config {
            durable_name: self.membership.durable().map(|_| name.clone()),
            name: Some(name.clone()),
            filter_subject: filter,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_ack_pending: self.max_in_flight.into(),
            max_deliver: -1, // JetStream counts deliveries, not failures; giving up is ours to decide
            deliver_policy: match self.start {
                Start::New => DeliverPolicy::New,
                Start::All => DeliverPolicy::All,
                Start::Since(start_time) => DeliverPolicy::ByStartTime { start_time },
            },
            inactive_threshold: match &self.membership {
                Membership::DurableGroup { .. } | Membership::Durable(_) => Duration::ZERO,
                Membership::Group(_) => FORGOTTEN_AFTER,
                Membership::Alone => ORPHANED_AFTER,
            },
            metadata: self.membership.metadata(bus.client_id()),
            ..Config::default()
        };
        let stream_created = created(bus, &stream).await?;
        let mut held = Held { stream, name, config, stream_created, ack_floor: 0 };
        held.join(bus).await?;
        Ok(held)
    }
}

impl Held {
    /// Where requests for messages go.
    pub(crate) fn next_subject(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name)
    }

    /// Makes the consumer if it is not there, else brings its settings up to date. Where it began stays as it is.
    async fn join(&mut self, bus: &Bus) -> Result<(), Error> {
        let mut config = self.config.clone();
        if let Some(there) = self.find(bus).await? {
            let Info { config: there, ack_floor, .. } = there;
            if there.filter_subject != config.filter_subject {
                return Err(OthersConsumer { name: self.name.clone(), subject: there.filter_subject }.into());
            }
            self.ack_floor = ack_floor.stream_sequence;
            let ours = |key| there.metadata.get(key) == config.metadata.get(key);
            let same_names = [QUEUE_GROUP, DURABLE, CLIENT_ID].into_iter().all(ours);
            if same_names && (there.ack_wait, there.max_ack_pending) == (config.ack_wait, config.max_ack_pending) {
                return Ok(());
            }
            config.deliver_policy = there.deliver_policy;
        }
        self.make(bus, config).await
    }

    async fn make(&mut self, bus: &Bus, config: Config) -> Result<(), Error> {
        let made: Result<PullConsumer, _> =
            bus.jetstream().create_consumer_on_stream(config, self.stream.as_str()).await;
        let made = made.with_context(|| format!("making the consumer {}", self.name))?;
        self.ack_floor = made.cached_info().ack_floor.stream_sequence;
        Ok(())
    }

    async fn find(&self, bus: &Bus) -> Result<Option<Info>, Error> {
        let found: Result<PullConsumer, ConsumerError> =
            bus.jetstream().get_consumer_from_stream(self.name.as_str(), self.stream.as_str()).await;
        match found {
            Ok(there) => Ok(Some(there.cached_info().clone())),
            Err(error) if is(&error, ErrorCode::CONSUMER_NOT_FOUND) || is(&error, ErrorCode::STREAM_NOT_FOUND) => {
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("asking for the consumer {}", self.name)),
        }
    }

    /// Learns how far the group is; makes stream and consumer again if they are gone.
    ///
    /// A consumer that was deleted begins again where the group had handled everything before, so that nothing is
    /// lost and some may come twice. In a stream that was deleted and made again everything is new.
    pub(crate) async fn looked_after(mut self, bus: &Bus) -> Result<Self, Error> {
        if let Some(there) = self.find(bus).await? {
            self.ack_floor = there.ack_floor.stream_sequence;
            return Ok(self);
        }
        streams::ensure(bus).await?;
        let stream_created = created(bus, &self.stream).await?;
        let start_sequence = if stream_created == self.stream_created { self.ack_floor + 1 } else { 1 };
        tracing::warn!(consumer = self.name, start_sequence, "the consumer was gone and is made again");
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        self.make(bus, Config { deliver_policy, ..self.config.clone() }).await?;
        self.stream_created = stream_created;
        Ok(self)
    }

    /// Leaves nothing behind of a listener of its own.
    pub(crate) async fn forget(&self, bus: &Bus) {
        if let Err(error) = bus.jetstream().delete_consumer_from_stream(self.name.as_str(), self.stream.as_str()).await
        {
            tracing::debug!(consumer = self.name, "the consumer stays until the server forgets it: {error}");
        }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether a group, or a client with this id that listens alone, has a consumer of this subject.
pub(crate) async fn somebody_listens(bus: &Bus, group: &str, subject: &str) -> Result<bool, Error> {
    let stream = bus.jetstream().get_stream_no_info(bus.cluster_id().as_str()).await?;
    let mut consumers = stream.consumers();
    while let Some(Info { config, .. }) = consumers.try_next().await.context("asking for the consumers")? {
        let whose = config.metadata.get(QUEUE_GROUP).or(config.metadata.get(CLIENT_ID));
        if whose.is_some_and(|whose| whose == group) && config.filter_subject == subject {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn created(bus: &Bus, stream: &str) -> Result<OffsetDateTime, Error> {
    let stream = bus.jetstream().get_stream(stream).await.with_context(|| format!("asking for the stream {stream}"))?;
    Ok(stream.cached_info().created)
}

fn is(error: &ConsumerError, code: ErrorCode) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(said) if said.error_code() == code)
}
