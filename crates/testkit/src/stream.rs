//! The events in the stream.

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer, pull};
use events::Event;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::{Broker, until};

/// Waits until everything that a consumer was to deliver is acked.
pub async fn settled(broker: &Broker, consumer: &str) {
    let api = broker.outsider().await;
    until("acked", || async {
        let found: PullConsumer = api.get_consumer_from_stream(consumer, "ticketing").await.unwrap();
        let info = found.cached_info();
        info.num_pending == 0 && info.num_ack_pending == 0
    })
    .await;
}

/// An event as the stream stores it.
#[derive(Clone, Debug)]
pub struct Stored<E> {
    /// Its place.
    pub sequence: u64,
    /// Its id.
    pub event_id: String,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// What the caller calls that.
    pub correlation_id: Option<String>,
    /// What it says.
    pub event: E,
}

/// All events of a kind that the stream holds, in its order.
pub async fn stored<E: Event + DeserializeOwned>(broker: &Broker) -> Vec<Stored<E>> {
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    let config = pull::OrderedConfig {
        filter_subject: E::SUBJECT.as_str().to_owned(),
        deliver_policy: DeliverPolicy::All,
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let waiting = consumer.cached_info().num_pending;
    let name = consumer.cached_info().name.clone();
    let messages = consumer.messages().await.unwrap().take(waiting.try_into().unwrap());
    let messages: Vec<_> = if waiting == 0 { Vec::new() } else { messages.collect().await };
    stream.delete_consumer(&name).await.unwrap(); // a server has room for so many
    let stored = messages.into_iter().map(|message| {
        let message = message.unwrap();
        let header =
            |name| message.headers.as_ref().and_then(|all| all.get(name)).map(|value| value.as_str().to_owned());
        Stored {
            sequence: message.info().unwrap().stream_sequence,
            event_id: header(bus::EVENT_ID).unwrap(),
            traceparent: header(telemetry::TRACEPARENT),
            correlation_id: header(telemetry::CORRELATION_ID),
            event: serde_json::from_slice(&message.payload).unwrap(),
        }
    });
    stored.collect()
}
