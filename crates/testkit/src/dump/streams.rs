//! Streams: the messages of each as lines of JSON, the configurations of it and of its consumers as JSON beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::{AckKind, Context};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{DEAD_LETTERS, EVENTS};
use crate::{Broker, LIMIT, until};

/// A message as a stream stored it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The subject it was published to.
    pub subject: String,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored, in RFC 3339.
    pub time: String,
    /// Its headers, the broker's own included.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// Its bytes, in Base64.
    #[serde(rename = "payload")]
    encoded: String,
}

impl StoredMessage {
    /// Its bytes.
    pub fn payload(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.encoded).unwrap()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    /// Its headers, without those that tie a publish to the stream's state at that time.
    pub fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in self.headers.iter().filter(|(name, _)| !name.starts_with("Nats-Expected-")) {
            values.iter().for_each(|value| headers.append(name.as_str(), value.as_str()));
        }
        headers
    }
}

/// What a dump tells of a stream besides its messages.
#[derive(Debug, Serialize, Deserialize)]
struct Configuration {
    stream: Value,
    consumers: Vec<Consumer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Consumer {
    config: Value,
    /// The sequences of the messages that it had not delivered, or that nobody had acknowledged.
    pending: Vec<u64>,
}

/// Asks the server itself: the types of the client library would drop what they do not know.
async fn ask(api: &Context, subject: String, body: Value) -> Value {
    let answer: Value = api.request(subject.clone(), &body).await.unwrap();
    assert!(answer["error"].is_null(), "{subject}: {answer}");
    answer
}

/// Writes every stream of the broker, the one behind each key-value bucket included.
///
/// Nobody else may be connected: it takes deliveries from each consumer to learn which are pending, and acknowledges
/// none.
pub async fn dump_streams(broker: &Broker, folder: &Path) {
    let api = broker.outsider().await;
    fs::create_dir_all(folder).unwrap();
    let names = ask(&api, "STREAM.NAMES".to_owned(), json!({})).await;
    for name in names["streams"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        let info = ask(&api, format!("STREAM.INFO.{name}"), json!({})).await;
        dump_messages(broker, name, folder).await;
        let mut consumers = Vec::new();
        let listed = ask(&api, format!("CONSUMER.LIST.{name}"), json!({})).await;
        for consumer in listed["consumers"].as_array().unwrap() {
            let pending = pending(&api, name, consumer).await;
            consumers.push(Consumer { config: consumer["config"].clone(), pending });
        }
        consumers.sort_by_key(|consumer| consumer.config["name"].to_string());
        let configuration = Configuration { stream: info["config"].clone(), consumers };
        let configuration = serde_json::to_string_pretty(&configuration).unwrap();
        fs::write(folder.join(format!("{name}.json")), configuration + "\n").unwrap();
    }
}

/// Writes the messages of one stream.
pub async fn dump_messages(broker: &Broker, stream: &str, folder: &Path) {
    let api = broker.outsider().await;
    let state = ask(&api, format!("STREAM.INFO.{stream}"), json!({})).await["state"].clone();
    let mut lines = String::new();
    for sequence in state["first_seq"].as_u64().unwrap()..=state["last_seq"].as_u64().unwrap() {
        let found: Value = api.request(format!("STREAM.MSG.GET.{stream}"), &json!({ "seq": sequence })).await.unwrap();
        if !found["message"].is_null() {
            lines += &serde_json::to_string(&message(&found["message"])).unwrap();
            lines.push('\n');
        }
    }
    fs::write(folder.join(format!("{stream}.jsonl")), lines).unwrap();
}

/// A message as the server tells of it.
fn message(found: &Value) -> StoredMessage {
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let headers = String::from_utf8(BASE64_STANDARD.decode(text("hdrs")).unwrap()).unwrap();
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers.lines().skip(1).filter_map(|line| line.split_once(':')) {
        by_name.entry(name.to_owned()).or_default().push(value.trim().to_owned());
    }
    let sequence = found["seq"].as_u64().unwrap();
    StoredMessage { subject: text("subject"), sequence, time: text("time"), headers: by_name, encoded: text("data") }
}

/// The sequences that a consumer still has to deliver, or has delivered and knows no acknowledgement of.
async fn pending(api: &Context, stream: &str, consumer: &Value) -> Vec<u64> {
    let count = consumer["num_pending"].as_u64().unwrap() + consumer["num_ack_pending"].as_u64().unwrap();
    let name = consumer["name"].as_str().unwrap();
    let found: PullConsumer = api.get_consumer_from_stream(name, stream).await.unwrap();
    let mut sequences = BTreeSet::new();
    // What was delivered before is delivered again when nobody has acknowledged it in time.
    let all = async {
        while (sequences.len() as u64) < count {
            let mut fetched = found.fetch().max_messages(count as usize).messages().await.unwrap();
            while let Some(message) = fetched.next().await {
                sequences.insert(message.unwrap().info().unwrap().stream_sequence);
            }
        }
    };
    timeout(LIMIT, all).await.unwrap_or_else(|_| panic!("{name} has {count} pending, and delivers fewer"));
    sequences.into_iter().collect()
}

/// The messages of one stream in a dump, in its order.
pub fn messages(folder: &Path, stream: &str) -> Vec<StoredMessage> {
    let file = folder.join(format!("{stream}.jsonl"));
    let lines = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes the streams of a dump on a fresh broker: each message with its sequence, each consumer where it was.
pub async fn restore_streams(broker: &Broker, folder: &Path) {
    let api = broker.outsider().await;
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let stream = file.file_stem().unwrap().to_str().unwrap();
        let configuration: Configuration = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        ask(&api, format!("STREAM.CREATE.{stream}"), configuration.stream.clone()).await;
        publish(&api, stream, &configuration.stream, &messages(folder, stream)).await;
        for consumer in &configuration.consumers {
            restore_consumer(&api, stream, consumer).await;
        }
    }
}

/// Publishes the messages; where sequences are missing, messages that are removed afterwards.
async fn publish(api: &Context, stream: &str, config: &Value, messages: &[StoredMessage]) {
    let filler = config["subjects"].as_array().unwrap().last().unwrap().as_str().unwrap().replace('>', "filler");
    let mut next = 1;
    for message in messages {
        for _ in next..message.sequence {
            api.publish(filler.clone(), "".into()).await.unwrap().await.unwrap();
        }
        let published =
            api.publish_with_headers(message.subject.clone(), message.header_map(), message.payload().into());
        assert_eq!(published.await.unwrap().await.unwrap().sequence, message.sequence, "{message:?}");
        next = message.sequence + 1;
    }
    ask(api, format!("STREAM.PURGE.{stream}"), json!({ "filter": filler })).await;
}

/// Makes a consumer, and acknowledges what it was done with.
async fn restore_consumer(api: &Context, stream: &str, consumer: &Consumer) {
    let name = consumer.config["name"].as_str().unwrap();
    let body = json!({ "stream_name": stream, "config": consumer.config, "action": "create" });
    ask(api, format!("CONSUMER.DURABLE.CREATE.{stream}.{name}"), body).await;
    let found: PullConsumer = api.get_consumer_from_stream(name, stream).await.unwrap();
    assert_eq!(found.cached_info().config.ack_policy, AckPolicy::Explicit);
    let count = found.cached_info().num_pending;
    let mut fetched = found.fetch().max_messages(count as usize).messages().await.unwrap();
    for _ in 0..count {
        let message = fetched.next().await.unwrap().unwrap();
        let is_pending = consumer.pending.contains(&message.info().unwrap().stream_sequence);
        message.ack_with(if is_pending { AckKind::Nak(None) } else { AckKind::Ack }).await.unwrap();
    }
    until("the consumer is where it was", || async {
        let info = found.get_info().await.unwrap();
        info.num_pending == 0 && info.num_ack_pending == consumer.pending.len()
    })
    .await;
}

/// The sequences that a consumer of a dump still had to handle.
pub fn pending_of(folder: &Path, stream: &str, consumer: &str) -> Vec<u64> {
    let configuration = fs::read_to_string(folder.join(format!("{stream}.json"))).unwrap();
    let configuration: Configuration = serde_json::from_str(&configuration).unwrap();
    let it = configuration.consumers.into_iter().find(|it| it.config["name"] == consumer);
    it.unwrap_or_else(|| panic!("the dump has no consumer {consumer}")).pending
}

/// Publishes again what a group of a dump had handled of a subject, as a relay does after a crash: with the events' ids,
/// under message ids that the broker does not know. Returns how many there were.
pub async fn publish_again(broker: &Broker, folder: &Path, group: &str, subject: &str) -> usize {
    let api = broker.outsider().await;
    let letters = messages(folder, DEAD_LETTERS);
    let is_dead = |event: &StoredMessage| {
        letters.iter().any(|letter| {
            letter.header("Dead-Letter-Group") == Some(group)
                && letter.header("Dead-Letter-Event-Id") == event.header("Event-Id")
        })
    };
    let pending = pending_of(folder, EVENTS, &format!("{group}:{}", subject.replace(':', "-")));
    let handled = messages(folder, EVENTS)
        .into_iter()
        .filter(|event| event.subject == subject && !pending.contains(&event.sequence) && !is_dead(event));
    let mut count = 0;
    for event in handled {
        let mut headers = HeaderMap::new();
        headers.insert("Event-Id", event.header("Event-Id").unwrap());
        let published = api.publish_with_headers(event.subject.clone(), headers, event.payload().into());
        published.await.unwrap().await.unwrap();
        count += 1;
    }
    count
}
