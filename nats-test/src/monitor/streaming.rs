//! The pages as JSON, field by field as NATS Streaming had them.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::snapshot::{Channel, Snapshot, Subscription};

/// How many rows are shown without a limit in the request.
const DEFAULT_LIMIT: usize = 1024;

/// The query of a page: `?subs=1&channel=ticket:created&client=123&offset=0&limit=1024`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    subs: String,
    channel: Option<String>,
    client: Option<String>,
    offset: usize,
    limit: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { subs: String::new(), channel: None, client: None, offset: 0, limit: DEFAULT_LIMIT }
    }
}

impl Parameters {
    /// The requested part of a list.
    fn part<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let from = self.offset.min(all.len());
        let limit = if self.limit == 0 { DEFAULT_LIMIT } else { self.limit };
        &all[from..from.saturating_add(limit).min(all.len())]
    }
}

impl Snapshot {
    pub(super) fn serverz(&self) -> Value {
        let stream = &self.stream;
        let uptime = self.now - stream.created;
        self.with_head(json!({
            "version": self.server.version,
            "go": self.server.go,
            "state": "STANDALONE",
            "start_time": rfc3339(stream.created),
            "uptime": humantime::format_duration(std::time::Duration::from_secs(
                uptime.whole_seconds().try_into().unwrap_or_default()
            )).to_string(),
            "clients": self.clients.len(),
            "subscriptions": self.subscriptions(),
            "channels": self.channels.len(),
            "total_msgs": stream.messages,
            "total_bytes": stream.bytes,
            "in_msgs": stream.last_sequence,
            "in_bytes": stream.bytes,
            "out_msgs": self.deliveries,
            "out_bytes": self.delivered_bytes,
        }))
    }

    pub(super) fn storez(&self) -> Value {
        // Here, 0 means unlimited.
        let limits = self.stream.limits;
        self.with_head(json!({
            "type": "FILE",
            "limits": {
                "max_channels": events::Subject::ALL.len(),
                "max_msgs": limits.messages.unwrap_or_default(),
                "max_bytes": limits.bytes.unwrap_or_default(),
                "max_age": limits.age.unwrap_or_default().as_nanos(),
                "max_subscriptions": limits.consumers.unwrap_or_default(),
                "max_inactivity": 0,
            },
            "total_msgs": self.stream.messages,
            "total_bytes": self.stream.bytes,
        }))
    }

    /// The list of clients, or one of them.
    pub(super) fn clientsz(&self, parameters: &Parameters) -> Option<Value> {
        let client = |id: &str, inbox: &str, with_subs: bool| {
            let mut by_channel = Map::new();
            let mut count = 0;
            for channel in &self.channels {
                let theirs: Vec<_> =
                    channel.subscriptions.iter().filter(|sub| sub.client_id == id && !sub.is_offline).collect();
                count += theirs.len();
                if !theirs.is_empty() {
                    by_channel.insert(channel.name.clone(), theirs.into_iter().map(sub).collect());
                }
            }
            let mut row = json!({ "id": id, "hb_inbox": inbox, "subs_count": count });
            if with_subs && count > 0 {
                row["subscriptions"] = Value::Object(by_channel);
            }
            row
        };
        let row = |found: &bus::Client| client(&found.id, &found.entry.inbox, parameters.subs == "1");
        if let Some(id) = &parameters.client {
            return self.clients.iter().find(|client| client.id == *id).map(row);
        }
        let part = parameters.part(&self.clients);
        Some(self.with_head(json!({
            "offset": parameters.offset,
            "limit": parameters.limit,
            "count": part.len(),
            "total": self.clients.len(),
            "clients": part.iter().map(row).collect::<Vec<_>>(),
        })))
    }

    /// The names of the channels, the channels, or one of them.
    pub(super) fn channelsz(&self, parameters: &Parameters) -> Option<Value> {
        if let Some(name) = &parameters.channel {
            return self
                .channels
                .iter()
                .find(|found| found.name == *name)
                .map(|found| channel(found, parameters.subs == "1"));
        }
        let part = parameters.part(&self.channels);
        let (key, rows) = if parameters.subs == "1" {
            ("channels", part.iter().map(|found| channel(found, true)).collect::<Vec<_>>())
        } else {
            ("names", part.iter().map(|found| found.name.clone().into()).collect())
        };
        Some(self.with_head(json!({
            "offset": parameters.offset,
            "limit": parameters.limit,
            "count": part.len(),
            "total": self.channels.len(),
            key: rows,
        })))
    }

    /// Adds the fields that every page begins with.
    fn with_head(&self, rest: Value) -> Value {
        let head = json!({
            "cluster_id": self.stream.name,
            "server_id": self.server.server_id,
            "now": rfc3339(self.now),
        });
        let (Value::Object(mut page), Value::Object(rest)) = (head, rest) else { return Value::Null };
        page.extend(rest);
        page.into()
    }
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

fn channel(channel: &Channel, with_subs: bool) -> Value {
    let mut row = json!({
        "name": channel.name,
        "msgs": channel.messages,
        "bytes": channel.bytes,
        "first_seq": channel.first,
        "last_seq": channel.last,
        "subs_count": channel.subscriptions.len(),
    });
    if with_subs && !channel.subscriptions.is_empty() {
        row["subscriptions"] = channel.subscriptions.iter().map(sub).collect();
    }
    row
}

/// A durable queue group shows `durable:group` as its queue name, and no durable name.
fn sub(found: &Subscription) -> Value {
    let mut row = json!({ "client_id": found.client_id, "inbox": found.inbox, "ack_inbox": found.ack_inbox });
    match (&found.queue_group, &found.durable) {
        (Some(group), Some(durable)) => row["queue_name"] = format!("{durable}:{group}").into(),
        (Some(group), None) => row["queue_name"] = group.clone().into(),
        (None, Some(durable)) => row["durable_name"] = durable.clone().into(),
        (None, None) => {}
    }
    row["is_durable"] = found.durable.is_some().into();
    row["is_offline"] = found.is_offline.into();
    row["max_inflight"] = found.max_in_flight.unwrap_or_default().into();
    row["ack_wait"] = found.ack_wait.as_secs().into();
    row["last_sent"] = found.last_sent.into();
    row["pending_count"] = found.pending.into();
    row["is_stalled"] = found.max_in_flight.is_some_and(|limit| found.pending >= limit).into();
    row
}
