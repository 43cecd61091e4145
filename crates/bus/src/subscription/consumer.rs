//! What a subscription asks of the broker: its JetStream consumer.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use events::Subject;
use time::OffsetDateTime;

use crate::streams::dead_letter_stream;
use crate::{Bus, Name};

/// How long a group without a durable name outlives its last member.
const GROUP_EXPIRY: Duration = Duration::from_secs(5);

/// How long the consumer of a listener without a group outlives the listener, if it is killed.
const ORPHAN_EXPIRY: Duration = Duration::from_secs(60);

/// The key of a consumer's metadata that contains its queue group, for tools that inspect it while nobody listens.
pub const QUEUE_GROUP: &str = "queue-group";
/// The key of a consumer's metadata that contains its durable name.
pub const DURABLE: &str = "durable";
/// The key of a consumer's metadata that contains the client id of the listener that joined last.
pub const CLIENT_ID: &str = "client-id";

/// What a subscription asks of the broker.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The messages to deliver.
    pub source: Source,
    /// The listeners that share the messages.
    pub membership: Membership,
    /// Where a new consumer begins. An existing one continues at its position.
    pub start: Start,
    /// How long a delivered message may be unacknowledged before it is redelivered. While its handler runs, progress is
    /// reported to the broker, which waits. It applies to the whole group; the member that joined last sets it.
    pub ack_wait: Duration,
    /// How many messages of the whole group may be unacknowledged.
    pub max_in_flight: u32,
    /// How many messages one member requests at a time.
    pub batch: usize,
    /// How many messages one member handles concurrently.
    pub concurrency: usize,
}

/// The messages to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The events of one subject.
    Events(Subject),
    /// The dead letters of all groups.
    DeadLetters,
    /// A subject of any other stream, for experiments: the stream must exist, and is not restored.
    Other {
        /// The stream.
        stream: Name,
        /// The subject.
        subject: String,
    },
}

/// The listeners that share the messages, and what remains when nobody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Each message goes to one member of the group; the group is forgotten some seconds after its last member has left.
    Group(Name),
    /// Each message goes to one member of the group, whose position is kept for ever. In NATS Streaming's terms: a
    /// durable queue group.
    DurableGroup {
        /// The queue group.
        group: Name,
        /// The durable name. Within a group, each durable name has a position of its own.
        durable: Name,
    },
    /// A listener without a group, whose position is kept under its client id.
    Durable(Name),
    /// A listener without a group, forgotten when it leaves.
    Alone,
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next message that is published.
    New,
    /// With the first message of the stream.
    All,
    /// With the first message published at this time or later.
    Since(OffsetDateTime),
}

impl Membership {
    pub(crate) fn queue_group(&self) -> Option<&Name> {
        match self {
            Self::Group(group) | Self::DurableGroup { group, .. } => Some(group),
            Self::Durable(_) | Self::Alone => None,
        }
    }

    pub(crate) fn durable(&self) -> Option<&Name> {
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
    /// The group whose dead letters these are: the queue group, or the client id of a listener without a group.
    pub(crate) fn group(&self, bus: &Bus) -> Name {
        self.membership.queue_group().unwrap_or(bus.client_id()).clone()
    }

    /// The stream that contains the messages.
    pub(crate) fn stream(&self, bus: &Bus) -> String {
        match &self.source {
            Source::Events(_) => bus.cluster_id().to_string(),
            Source::DeadLetters => dead_letter_stream(bus.cluster_id()),
            Source::Other { stream, .. } => stream.to_string(),
        }
    }

    /// The subject of the messages; `None` for all subjects of the stream.
    pub(crate) fn subject(&self) -> Option<&str> {
        match &self.source {
            Source::Events(subject) => Some(subject.as_str()),
            Source::Other { subject, .. } => Some(subject),
            Source::DeadLetters => None,
        }
    }

    /// The name of the consumer: all members of a group get the same.
    pub(crate) fn name(&self, bus: &Bus) -> String {
        let subject = match &self.source {
            Source::Events(subject) => subject.dashed(),
            Source::DeadLetters => "dead-letters".to_owned(),
            Source::Other { subject, .. } => subject.replace([':', '.'], "-"),
        };
        match &self.membership {
            Membership::DurableGroup { group, durable } if group == durable => format!("{group}:{subject}"),
            Membership::DurableGroup { group, durable } => format!("{durable}:{group}:{subject}"),
            Membership::Durable(durable) => format!("{durable}:client:{}:{subject}", bus.client_id()),
            Membership::Group(group) => format!("ephemeral:group:{group}:{subject}"),
            Membership::Alone => format!("ephemeral:client:{}:{}", bus.client_id(), nuid::next()),
        }
    }

    /// The configuration of the consumer of this name.
    pub(crate) fn config(&self, bus: &Bus, name: &str) -> Config {
        Config {
            durable_name: self.membership.durable().map(|_| name.to_owned()),
            name: Some(name.to_owned()),
            filter_subject: self.subject().unwrap_or_default().to_owned(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_ack_pending: self.max_in_flight.into(),
            max_deliver: -1, // JetStream counts deliveries and not failures, so the listener adapter decides when to give up
            deliver_policy: match self.start {
                Start::New => DeliverPolicy::New,
                Start::All => DeliverPolicy::All,
                Start::Since(start_time) => DeliverPolicy::ByStartTime { start_time },
            },
            inactive_threshold: match &self.membership {
                Membership::DurableGroup { .. } | Membership::Durable(_) => Duration::ZERO,
                Membership::Group(_) => GROUP_EXPIRY,
                Membership::Alone => ORPHAN_EXPIRY,
            },
            metadata: self.membership.metadata(bus.client_id()),
            ..Config::default()
        }
    }
}
