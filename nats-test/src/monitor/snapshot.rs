//! The state of the bus at one moment, arranged by channel as NATS Streaming did.

use std::time::Duration;

use bus::inspect::{self, ConsumerRow, StreamRow};
use bus::{Bus, Client};
use service::Error;
use time::OffsetDateTime;

use super::tally::Bytes;

/// Everything that the pages show.
pub(super) struct Snapshot {
    pub(super) now: OffsetDateTime,
    pub(super) server: async_nats::ServerInfo,
    pub(super) stream: StreamRow,
    pub(super) clients: Vec<Client>,
    pub(super) channels: Vec<Channel>,
    /// What else there is to know: what can't be read, and which consumers are paused.
    pub(super) notes: Vec<String>,
    /// Number of deliveries, redeliveries included.
    pub(super) deliveries: u64,
    /// Bytes delivered, computed with the average size of a channel's messages, since JetStream does not count them.
    pub(super) delivered_bytes: u64,
}

/// A subject that has messages or subscriptions.
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) subscriptions: Vec<Subscription>,
}

/// A live subscription, or a durable one without a listener.
pub(super) struct Subscription {
    pub(super) client_id: String,
    pub(super) inbox: String,
    pub(super) ack_inbox: String,
    pub(super) queue_group: Option<String>,
    pub(super) durable: Option<String>,
    pub(super) is_offline: bool,
    pub(super) max_in_flight: Option<u64>,
    pub(super) ack_wait: Duration,
    /// The sequence of the last message delivered to the group.
    pub(super) last_sent: u64,
    /// How many messages of the group have no answer yet.
    pub(super) pending: u64,
}

impl Snapshot {
    pub(super) async fn take(bus: &Bus, bytes: &Bytes) -> Result<Self, Error> {
        let state = inspect::Snapshot::take(bus).await?;
        let consumers: Vec<_> = state.consumers.iter().filter(|row| row.stream == state.events.name).collect();
        let mut channels = Vec::new();
        for row in inspect::subjects(bus).await? {
            let name = row.subject.to_string();
            let reading = consumers.iter().filter(|consumer| consumer.reads_only(&name));
            let subscriptions: Vec<_> = reading.flat_map(|consumer| subscriptions(consumer, &state)).collect();
            if row.messages > 0 || !subscriptions.is_empty() {
                let bytes = if row.messages > 0 { bytes.get(&name).copied().unwrap_or_default() } else { 0 };
                let (messages, first, last) = (row.messages, row.first_sequence, row.last_sequence);
                channels.push(Channel { name, messages, bytes, first, last, subscriptions });
            }
        }
        let (mut deliveries, mut delivered_bytes) = (0, 0);
        for consumer in consumers {
            deliveries += consumer.deliveries;
            let channel = channels.iter().find(|channel| consumer.reads_only(&channel.name));
            delivered_bytes +=
                channel.map_or(0, |channel| consumer.deliveries * channel.bytes / channel.messages.max(1));
        }
        Ok(Self {
            now: OffsetDateTime::now_utc(),
            server: bus.server_info(),
            stream: state.events,
            clients: state.clients,
            channels,
            notes: state.notes,
            deliveries,
            delivered_bytes,
        })
    }

    /// Number of subscriptions, offline ones included.
    pub(super) fn subscriptions(&self) -> usize {
        self.channels.iter().map(|channel| channel.subscriptions.len()).sum()
    }
}

/// The subscriptions of a consumer: one for each live listener, or an offline one if it is durable and nobody listens.
fn subscriptions(consumer: &ConsumerRow, state: &inspect::Snapshot) -> Vec<Subscription> {
    let row = |client_id: &str, inbox: &str| Subscription {
        client_id: client_id.to_owned(),
        inbox: inbox.to_owned(),
        ack_inbox: format!("$JS.ACK.{}.{}", consumer.stream, consumer.name),
        queue_group: consumer.queue_group.clone(),
        durable: consumer.durable.clone(),
        is_offline: inbox.is_empty(),
        max_in_flight: consumer.max_in_flight,
        ack_wait: consumer.ack_wait,
        last_sent: consumer.last_delivered,
        pending: consumer.in_flight,
    };
    let mut all = Vec::new();
    for client in &state.clients {
        let listening = client.entry.listening.iter().filter(|listening| listening.consumer == consumer.name);
        all.extend(listening.map(|listening| row(&client.id, &listening.inbox)));
    }
    if all.is_empty() && consumer.is_durable {
        all.push(row(consumer.client_id.as_deref().unwrap_or_default(), ""));
    }
    all
}
