//! A consumer that a member has joined: created, updated, restored and deleted at the broker.

use std::fmt;
use std::ops::RangeInclusive;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{
    self, AckPolicy, DeliverPolicy, FromConsumer, Info, PriorityPolicy, PullConsumer,
};
use async_nats::jetstream::context::ConsumerInfoErrorKind;

use events::timestamp;
use telemetry::WarnOnce;
use time::OffsetDateTime;

use super::consumer::{CLIENT_ID, Consumer, DURABLE, QUEUE_GROUP};
use super::pull::REQUEST_EXPIRY;
use crate::{Bus, Error, ErrorKind, Listening, streams};

/// A consumer that a member has joined, and what is needed to create it again if somebody deletes it.
#[derive(Clone, Debug)]
pub(crate) struct JoinedConsumer {
    stream: String,
    name: String,
    config: Config,
    /// When the stream was created: a stream that was deleted and created again counts its messages from 1.
    stream_created: OffsetDateTime,
    /// Until when somebody has paused the consumer.
    paused_until: Option<OffsetDateTime>,
    /// Up to this sequence the whole group has handled everything, as far as is known.
    ack_floor: u64,
    /// Up to this sequence everything was delivered, at the last check.
    delivered: u64,
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
        let mut joined = Self { stream, name, config, stream_created, paused_until: None, ack_floor: 0, delivered: 0 };
        joined.create_or_update(bus).await?;
        Ok(joined)
    }

    /// The subject that requests for messages go to.
    pub(crate) fn request_subject(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name)
    }

    /// The stream that contains the messages.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// The subjects of the messages, which may have wildcards.
    pub(crate) fn filter(&self) -> &str {
        if self.config.filter_subject.is_empty() { ">" } else { &self.config.filter_subject }
    }

    /// The sequences among which all messages in flight were at the last check.
    pub(crate) fn in_flight(&self) -> RangeInclusive<u64> {
        self.ack_floor + 1..=self.delivered
    }

    /// The subject that the verdict on a message in flight goes to, without having received it. The broker looks at the
    /// sequence only.
    pub(crate) fn ack_subject(&self, sequence: u64) -> String {
        format!("$JS.ACK.{}.{}.1.{sequence}.{sequence}.0.0", self.stream, self.name)
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

    /// Creates the consumer if it does not exist, or else updates what the program decides. Its position and what an
    /// operator has set stay.
    async fn create_or_update(&mut self, bus: &Bus) -> Result<(), Error> {
        let Some(Info { config: existing, ack_floor, .. }) = self.find(bus).await? else {
            return self.create(bus, self.config.clone()).await;
        };
        let subject = match existing.filter_subjects.is_empty() {
            true => existing.filter_subject.clone(),
            false => existing.filter_subjects.join(", "),
        };
        if subject != self.config.filter_subject {
            return Err(ErrorKind::OtherSubject { consumer: self.name.clone(), subject }.into());
        }
        self.ack_floor = ack_floor.stream_sequence;
        let failed = |error| Error::request(format!("look up the consumer {self}"), error);
        let existing = Config::try_from_consumer_config(existing).map_err(failed)?;
        let mut metadata = existing.metadata.clone();
        metadata.retain(|key, _| ![QUEUE_GROUP, DURABLE, CLIENT_ID].contains(&key.as_str()));
        metadata.extend(self.config.metadata.clone());
        let Config { ack_wait, max_ack_pending, .. } = self.config;
        if (existing.ack_wait, existing.max_ack_pending) != (ack_wait, max_ack_pending) {
            tracing::info!(
                consumer = %self,
                "ack wait changed from {:?} to {ack_wait:?}, limit of messages in flight from {} to {max_ack_pending}",
                existing.ack_wait, existing.max_ack_pending
            );
        } else if existing.metadata == metadata {
            return Ok(());
        }
        self.create(bus, Config { ack_wait, max_ack_pending, metadata, ..existing }).await
    }

    async fn create(&mut self, bus: &Bus, config: Config) -> Result<(), Error> {
        let created: Result<PullConsumer, _> =
            bus.jetstream().create_consumer_on_stream(config, self.stream.as_str()).await;
        let created = created.map_err(|error| Error::request(format!("create the consumer {self}"), error))?;
        self.ack_floor = created.cached_info().ack_floor.stream_sequence;
        Ok(())
    }

    /// What the broker reports about the consumer, if it exists and can work for us.
    async fn find(&mut self, bus: &Bus) -> Result<Option<Info>, Error> {
        let failed = |error: async_nats::Error| Error::request(format!("look up the consumer {}", self.name), error);
        let stream = bus.jetstream().get_stream_no_info(&self.stream).await.map_err(|error| failed(error.into()))?;
        let info = match stream.consumer_info(&self.name).await {
            Ok(info) => info,
            Err(error)
                if [ConsumerInfoErrorKind::NotFound, ConsumerInfoErrorKind::StreamNotFound].contains(&error.kind()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed(error.into())),
        };
        if let Some(setting) = harmful(&info.config) {
            let (stream, consumer) = (self.stream.clone(), self.name.clone());
            return Err(ErrorKind::ConsumerChanged { stream, consumer, setting }.into());
        }
        self.note_pause(info.paused.then_some(info.config.pause_until).flatten());
        Ok(Some(info))
    }

    /// Logs once that somebody has paused the consumer, and once that it goes on.
    fn note_pause(&mut self, until: Option<OffsetDateTime>) {
        if self.paused_until == until {
            return;
        }
        match until.map(|until| timestamp::text(&until)) {
            Some(until) => {
                tracing::warn!(consumer = %self, until, "consumer paused by an operator, nothing is delivered until then");
            }
            None => tracing::warn!(consumer = %self, "consumer no longer paused"),
        }
        self.paused_until = until;
    }

    /// Reads how far the group has come; creates the stream and the consumer again if they were deleted.
    ///
    /// The new consumer begins behind the last message up to which the group had handled everything, so nothing is lost and
    /// some messages may be redelivered. In a stream that was created again, it begins with the first message.
    pub(crate) async fn restored(mut self, bus: &Bus) -> Result<Self, Error> {
        if let Some(found) = self.find(bus).await? {
            (self.ack_floor, self.delivered) = (found.ack_floor.stream_sequence, found.delivered.stream_sequence);
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
    pub(crate) async fn forget_requests(&mut self, bus: &Bus) {
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

/// What keeps a consumer from working for us, in words, if somebody has changed it so.
fn harmful(config: &consumer::Config) -> Option<String> {
    if config.deliver_subject.is_some() {
        return Some("it is a push consumer".to_owned());
    }
    if config.ack_policy != AckPolicy::Explicit {
        return Some("it does not ask for an explicit ack of each message".to_owned());
    }
    if config.headers_only {
        return Some("it delivers headers only".to_owned());
    }
    if config.max_deliver > 0 {
        return Some(format!("it gives a message up after {} deliveries (max_deliver)", config.max_deliver));
    }
    if config.priority_policy != PriorityPolicy::None {
        return Some("it has a priority policy".to_owned());
    }
    if config.max_batch > 0 {
        return Some(format!("it answers no request for more than {} messages (max_batch)", config.max_batch));
    }
    if !config.max_expires.is_zero() && config.max_expires < REQUEST_EXPIRY {
        return Some(format!("it answers no request of more than {:?} (max_expires)", config.max_expires));
    }
    None
}
