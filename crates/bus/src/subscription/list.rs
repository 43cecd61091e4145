//! The consumers of a stream, one of which may be unreadable.

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::consumer::{CLIENT_ID, QUEUE_GROUP};
use crate::{Bus, Error};

/// The consumers of a stream.
#[derive(Debug, Default)]
pub(crate) struct ConsumerList {
    pub(crate) found: Vec<Info>,
    /// The names of those that this version of the client does not understand, since a newer program has made them.
    pub(crate) unreadable: Vec<String>,
}

/// One page of the broker's list.
#[derive(Deserialize)]
struct Page {
    total: usize,
    #[serde(default)]
    consumers: Vec<Value>,
}

/// Lists the consumers of a stream.
pub(crate) async fn consumers(bus: &Bus, stream: &str) -> Result<ConsumerList, Error> {
    let failed = |error: async_nats::Error| Error::request(format!("list the consumers of the stream {stream}"), error);
    let (mut list, mut offset) = (ConsumerList::default(), 0);
    loop {
        let answer = bus.jetstream().request(format!("CONSUMER.LIST.{stream}"), &json!({ "offset": offset })).await;
        let page: Page = match answer.map_err(|error| failed(error.into()))? {
            Response::Ok(page) => page,
            Response::Err { error } => return Err(failed(error.into())),
        };
        offset += page.consumers.len();
        let is_last = page.consumers.is_empty() || offset >= page.total;
        for consumer in page.consumers {
            let name = consumer["name"].as_str().unwrap_or_default().to_owned();
            match serde_json::from_value(consumer) {
                Ok(info) => list.found.push(info),
                Err(_) => list.unreadable.push(name),
            }
        }
        if is_last {
            return Ok(list);
        }
    }
}

/// Whether a group, or a listener without a group with this client id, has a consumer of this subject.
pub(crate) async fn has_consumer(bus: &Bus, group: &str, subject: &str) -> Result<bool, Error> {
    let all = consumers(bus, bus.cluster_id().as_str()).await?;
    Ok(all.found.iter().any(|Info { config, .. }| {
        let owner = config.metadata.get(QUEUE_GROUP).or(config.metadata.get(CLIENT_ID));
        owner.is_some_and(|owner| owner == group) && config.filter_subject == subject
    }))
}
