//! A consumer that a member has joined: created, updated, restored and deleted at the broker.

use std::fmt;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{DeliverPolicy, Info, PullConsumer};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use futures_util::TryStreamExt;
use telemetry::WarnOnce;
use time::OffsetDateTime;

use super::consumer::{CLIENT_ID, Consumer, DURABLE, QUEUE_GROUP};
use crate::{Bus, Error, ErrorKind, Listening, streams};

/// A consumer that a member has joined, and what is needed to create it again if somebody deletes it.
#[derive(Clone, Debug)]
pub(crate) struct JoinedConsumer {
    stream: String,
    name: String,
    config: Config,
    /// When the stream was created: a stream that was deleted and created again counts its messages from 1.
    stream_created: OffsetDateTime,
    /// Up to this sequence the whole group has handled everything, as far as is known.
    ack_floor: u64,
}

impl JoinedConsumer {
    /// Creates the consumer, or joins the existing one; waits for a broker that is away.
    pub(crate) async fn join(consumer: &Consumer, bus: &Bus) -> Result<Self, Error> {
        let mut once = WarnOnce::default();
        loop {
            match Self::try_join(consumer, bus).await {
                Err(error) if bus.waits_out(&error, &mut once).await => {}
                joined => return joined,
            }
        }
    }

    async fn try_join(consumer: &Consumer, bus: &Bus) -> Result<Self, Error> {
        let (stream, name) = (consumer.stream(bus), consumer.name(bus));
        let config = consumer.config(bus, &name);
        let stream_created = streams::info(bus, &stream).await?.created;
        let mut joined = Self { stream, name, config, stream_created, ack_floor: 0 };
        joined.create_or_update(bus).await?;
        Ok(joined)
    }

    /// The subject that requests for messages go to.
    pub(crate) fn request_subject(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name)
    }

    /// The entry of this subscription in the client registry.
    pub(crate) fn listening(&self, consumer: &Consumer, inbox: String) -> Listening {
        Listening {
            subject: consumer.subject().map(str::to_owned),
            stream: self.stream.clone(),
            consumer: self.name.clone(),
            inbox,
            queue_group: consumer.membership.queue_group().map(ToString::to_string),
            durable: consumer.membership.durable().map(ToString::to_string),
            max_in_flight: consumer.max_in_flight,
            ack_wait_ms: consumer.ack_wait.as_millis().try_into().unwrap_or(u64::MAX),
            waiting: None,
        }
    }

    /// Creates the consumer if it does not exist, or else updates its settings. Its position stays.
    async fn create_or_update(&mut self, bus: &Bus) -> Result<(), Error> {
        let mut config = self.config.clone();
        if let Some(Info { config: existing, ack_floor, .. }) = self.find(bus).await? {
            if existing.filter_subject != config.filter_subject {
                let (consumer, subject) = (self.name.clone(), existing.filter_subject);
                return Err(ErrorKind::OtherSubject { consumer, subject }.into());
            }
            self.ack_floor = ack_floor.stream_sequence;
            let is_ours = |key| existing.metadata.get(key) == config.metadata.get(key);
            let same_names = [QUEUE_GROUP, DURABLE, CLIENT_ID].into_iter().all(is_ours);
            if same_names && (existing.ack_wait, existing.max_ack_pending) == (config.ack_wait, config.max_ack_pending)
            {
                return Ok(());
            }
            config.deliver_policy = existing.deliver_policy;
        }
        self.create(bus, config).await
    }

    async fn create(&mut self, bus: &Bus, config: Config) -> Result<(), Error> {
        let created: Result<PullConsumer, _> =
            bus.jetstream().create_consumer_on_stream(config, self.stream.as_str()).await;
        let created = created.map_err(|error| Error::request(format!("create the consumer {self}"), error))?;
        self.ack_floor = created.cached_info().ack_floor.stream_sequence;
        Ok(())
    }

    async fn find(&self, bus: &Bus) -> Result<Option<Info>, Error> {
        let found: Result<PullConsumer, ConsumerError> =
            bus.jetstream().get_consumer_from_stream(self.name.as_str(), self.stream.as_str()).await;
        match found {
            Ok(found) => Ok(Some(found.cached_info().clone())),
            Err(error) if is(&error, ErrorCode::CONSUMER_NOT_FOUND) || is(&error, ErrorCode::STREAM_NOT_FOUND) => {
                Ok(None)
            }
            Err(error) => Err(Error::request(format!("look up the consumer {self}"), error)),
        }
    }

    /// Reads how far the group has come; creates the stream and the consumer again if they were deleted.
    ///
    /// The new consumer begins behind the last message up to which the group had handled everything, so nothing is lost and
    /// some messages may be redelivered. In a stream that was created again, it begins with the first message.
    pub(crate) async fn restored(mut self, bus: &Bus) -> Result<Self, Error> {
        if let Some(found) = self.find(bus).await? {
            self.ack_floor = found.ack_floor.stream_sequence;
            return Ok(self);
        }
        streams::ensure(bus).await?;
        let stream_created = streams::info(bus, &self.stream).await?.created;
        let start_sequence = if stream_created == self.stream_created { self.ack_floor + 1 } else { 1 };
        tracing::warn!(consumer = %self, stream = self.stream, start_sequence, "consumer deleted, creating it again");
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        self.create(bus, Config { deliver_policy, ..self.config.clone() }).await?;
        self.stream_created = stream_created;
        Ok(self)
    }

    /// Makes the broker forget the requests of members that have unsubscribed, which it does when it describes a consumer.
    ///
    /// Otherwise it tries to answer such a request with the first message that is to be redelivered, and then redelivers
    /// that one after all others.
    pub(crate) async fn forget_requests(&self, bus: &Bus) {
        if let Err(error) = self.find(bus).await {
            tracing::debug!(consumer = %self, "messages may be redelivered in another order: {error:#}");
        }
    }

    /// Deletes the consumer of a listener without a group.
    pub(crate) async fn delete(&self, bus: &Bus) {
        if let Err(error) = bus.jetstream().delete_consumer_from_stream(self.name.as_str(), self.stream.as_str()).await
        {
            tracing::debug!(consumer = %self, "consumer stays until the server forgets it: {error}");
        }
    }
}

impl fmt::Display for JoinedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether a group, or a listener without a group with this client id, has a consumer of this subject.
pub(crate) async fn has_consumer(bus: &Bus, group: &str, subject: &str) -> Result<bool, Error> {
    let failed = |error: async_nats::Error| Error::request("list the consumers", error);
    let stream = bus.jetstream().get_stream_no_info(bus.cluster_id().as_str()).await;
    let mut consumers = stream.map_err(|error| failed(error.into()))?.consumers();
    while let Some(Info { config, .. }) = consumers.try_next().await.map_err(|error| failed(error.into()))? {
        let owner = config.metadata.get(QUEUE_GROUP).or(config.metadata.get(CLIENT_ID));
        if owner.is_some_and(|owner| owner == group) && config.filter_subject == subject {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is(error: &ConsumerError, code: ErrorCode) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(answer) if answer.error_code() == code)
}
