//! What the registry stores about a client.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// What the client reports about itself.
    pub entry: Entry,
}

/// The value of a client id in the registry, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The subject on which the client answers that it is alive.
    pub inbox: String,
    /// The subscriptions of the client.
    pub listening: Vec<Listening>,
}

/// One subscription of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The subject of the subscription; `None` for all subjects of the stream.
    pub subject: Option<String>,
    /// The stream that contains the messages.
    pub stream: String,
    /// The consumer behind the subscription.
    pub consumer: String,
    /// The subject that the messages are delivered to.
    pub inbox: String,
    /// The queue group that the client is a member of.
    pub queue_group: Option<String>,
    /// The name under which the broker keeps the position of the subscription.
    pub durable: Option<String>,
    /// How many messages of the group may be unacknowledged.
    pub max_in_flight: u32,
    /// How long a message may be unacknowledged before it is redelivered, in milliseconds.
    pub ack_wait_ms: u64,
    /// The events of the group that the service has stored until an earlier one arrives, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// Events that wait for an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How many wait.
    pub count: u64,
    /// Since when the oldest of them waits.
    #[serde(with = "events::timestamp")]
    pub oldest: OffsetDateTime,
}
