//! What is, at one moment: read from the registry and from JetStream.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream;
use bus::{Bus, CLIENT_ID, Client, DURABLE, QUEUE_GROUP, clients};
use events::Subject;
use futures_util::TryStreamExt;
use service::Error;
use time::OffsetDateTime;

use super::Bytes;

/// All that the pages show.
pub(super) struct Snapshot {
    pub(super) now: OffsetDateTime,
    pub(super) cluster_id: String,
    pub(super) server: async_nats::ServerInfo,
    pub(super) stream: stream::Info,
    pub(super) clients: Vec<Client>,
    pub(super) channels: Vec<Channel>,
    /// How many deliveries there were, repeated ones included.
    pub(super) deliveries: u64,
    /// Their bytes, taken as the average of their channel's messages, since JetStream does not count them.
    pub(super) delivered_bytes: u64,
}

/// One subject that holds messages, or is listened to.
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) subscriptions: Vec<Subscription>,
}

/// A live subscription, or a durable one that waits for somebody.
pub(super) struct Subscription {
    pub(super) client_id: String,
    pub(super) inbox: String,
    pub(super) ack_inbox: String,
    pub(super) queue_group: Option<String>,
    pub(super) durable: Option<String>,
    pub(super) is_offline: bool,
    pub(super) max_in_flight: i64,
    pub(super) ack_wait: Duration,
    /// The sequence of the last message delivered to the group.
    pub(super) last_sent: u64,
    /// How many messages of the group have no answer yet.
    pub(super) pending: usize,
}

impl Snapshot {
    pub(super) async fn take(bus: &Bus, bytes: Bytes) -> Result<Self, Error> {
        let stream = bus.jetstream().get_stream(bus.cluster_id().as_str()).await?;
        let consumers: Vec<Info> = stream.consumers().try_collect().await?;
        let clients = clients(bus).await?;
        let counts: HashMap<String, usize> = stream.info_with_subjects(">").await?.try_collect().await?;
        let mut channels = Vec::new();
        for subject in Subject::ALL {
            let subscriptions = subscriptions(subject, &consumers, &clients);
            let Some(messages) = counts.get(subject.as_str()) else {
                if !subscriptions.is_empty() {
                    let (name, empty) = (subject.to_string(), 0);
                    channels.push(Channel { name, messages: empty, bytes: 0, first: 0, last: 0, subscriptions });
                }
                continue;
            };
            let first = stream.get_first_raw_message_by_subject(subject.as_str(), 1).await?;
            let last = stream.get_last_raw_message_by_subject(subject.as_str()).await?;
            channels.push(Channel {
                name: subject.to_string(),
                messages: *messages as u64,
                bytes: bytes.get(subject.as_str()).copied().unwrap_or_default(),
                first: first.sequence,
                last: last.sequence,
                subscriptions,
            });
        }
        let (mut deliveries, mut delivered_bytes) = (0, 0);
        for consumer in &consumers {
            let count = consumer.delivered.consumer_sequence;
            deliveries += count;
            let channel = channels.iter().find(|channel| channel.name == consumer.config.filter_subject);
            delivered_bytes += channel.map_or(0, |channel| count * channel.bytes / channel.messages.max(1));
        }
        let stream = stream.get_info().await?;
        Ok(Self {
            now: OffsetDateTime::now_utc(),
            cluster_id: bus.cluster_id().to_string(),
            server: bus.server_info(),
            stream,
            clients,
            channels,
            deliveries,
            delivered_bytes,
        })
    }

    /// How many subscriptions there are, offline ones included.
    pub(super) fn subscriptions(&self) -> usize {
        self.channels.iter().map(|channel| channel.subscriptions.len()).sum()
    }
}

/// The subscriptions of one channel: a row for each live one, and one for each durable that nobody listens to.
fn subscriptions(subject: Subject, consumers: &[Info], clients: &[Client]) -> Vec<Subscription> {
    let mut all = Vec::new();
    for consumer in consumers.iter().filter(|consumer| consumer.config.filter_subject == subject.as_str()) {
        let before = all.len();
        let row = |client_id: &str, inbox: &str| {
            let name = |key| consumer.config.metadata.get(key).cloned();
            Subscription {
                client_id: client_id.to_owned(),
                inbox: inbox.to_owned(),
                ack_inbox: format!("$JS.ACK.{}.{}", consumer.stream_name, consumer.name),
                queue_group: name(QUEUE_GROUP),
                durable: name(DURABLE),
                is_offline: inbox.is_empty(),
                max_in_flight: consumer.config.max_ack_pending,
                ack_wait: consumer.config.ack_wait,
                last_sent: consumer.delivered.stream_sequence,
                pending: consumer.num_ack_pending,
            }
        };
        for client in clients {
            let theirs = client.entry.listening.iter().filter(|listening| listening.consumer == consumer.name);
            all.extend(theirs.map(|listening| row(&client.id, &listening.inbox)));
        }
        if all.len() == before && consumer.config.durable_name.is_some() {
            let last = consumer.config.metadata.get(CLIENT_ID).map(String::as_str).unwrap_or_default();
            all.push(row(last, ""));
        }
    }
    all
}
