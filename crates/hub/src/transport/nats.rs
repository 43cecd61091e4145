//! Many hubs at one NATS server.
//!
//! A message is published to a JetStream stream, under a subject of its channel, and the server republishes what it has stored
//! with its sequence (NATS documentation, "Republish"). A hub reads the republished messages of those channels that somebody
//! reads there, so others cost it nothing; the sequence shows what a lost connection has cost, and that is read from the stream.
//! The stream's first sequence is the time in microseconds: ids grow also when somebody deletes the stream.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, DiscardPolicy, Info, Republish, StorageType, Stream};
use async_nats::{HeaderMap, header};
use bus::{Bus, Connection, IfAbsent, Name, ServerUrl, Streams, is_not_found};
use bytes::Bytes;
use futures_util::StreamExt;
use service::{Error, Scope, Service};
use telemetry::WarnOnce;
use tokio::time::{sleep, timeout};

use super::terms::{Terms, epoch_of};
use super::{NotPublished, Transport, Unavailable};
use crate::{Channel, Message, Ring};

/// How long a message is stored for readers that return.
const KEPT: Duration = Duration::from_secs(120);

/// How much is stored, in bytes; more than that replaces the oldest messages.
const MOST_BYTES: i64 = 256 * 1024 * 1024;

/// How long the server may take to confirm a message, or to answer a question.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);

/// The pause between two checks whether the server answers and the stream exists.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The pause after a failure that passes by itself.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Connects to a server and keeps the stream; its handle is a [`NatsTransport`].
#[derive(Clone, Debug)]
pub struct Nats {
    /// The address of the server.
    pub url: ServerUrl,
    /// The name of the stream, which all hubs have that exchange messages.
    pub name: Name,
}

/// Carries messages over a NATS server.
#[derive(Clone, Debug)]
pub struct NatsTransport {
    bus: Bus,
    name: Name,
    terms: Terms,
}

impl Service for Nats {
    type Handle = NatsTransport;

    async fn run(self, scope: Scope<NatsTransport>) -> Result<(), Error> {
        let Self { url, name } = self;
        let client = nuid::next().parse().context("failed to make a name for the connection")?;
        let connection = Connection {
            if_absent: IfAbsent::Wait,
            streams: Streams::Unused,
            ..Connection::new(url, name.clone(), client)
        };
        let bus = scope.child("connection").wait_until_ready().start(connection).await?;
        let transport = NatsTransport { terms: Terms::new(bus.clone(), name.clone()), bus, name };
        scope.stopping().or_stop(transport.created()).await??;
        scope.ready(transport.clone());
        let check = async || transport.ensure().await.map_err(|error| format!("{error:#}"));
        scope.watch("nats", CHECK_EVERY, ANSWER_WITHIN, check).await;
        Ok(())
    }
}

impl NatsTransport {
    /// The connection to the server.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Publishes a message in the term of this epoch; its id. No reader of the channel gets it after a message of a later term,
    /// if all its messages are published in terms.
    ///
    /// # Errors
    ///
    /// When the server is away, and when there is a message of a later term.
    pub async fn publish_in(&self, epoch: u64, channel: &Channel, body: Bytes) -> Result<u64, NotPublished> {
        if !self.bus.is_connected() {
            return Err(Unavailable.into()); // the library would keep the message and send it later
        }
        let published = timeout(ANSWER_WITHIN, self.terms.publish(self.stored(channel), epoch, body)).await;
        published.map_err(|_| Unavailable)?
    }

    /// Waits until the stream exists.
    async fn created(&self) -> Result<(), Error> {
        let mut once = WarnOnce::default();
        while let Err(error) = self.ensure().await {
            if error.is::<NotOurs>() {
                return Err(error);
            }
            once.warn(&format_args!("{error:#}; trying again"));
            sleep(TRY_AGAIN_AFTER).await;
        }
        Ok(())
    }

    /// Creates the stream if it does not exist.
    async fn ensure(&self) -> Result<(), Error> {
        let wanted = config(&self.name);
        match self.bus.jetstream().get_stream(self.name.as_str()).await {
            Ok(found) => {
                let found = &found.cached_info().config;
                if found.subjects != wanted.subjects || found.republish != wanted.republish {
                    bail!(NotOurs { name: self.name.clone() });
                }
            }
            Err(error) if is_not_found(&error) => {
                let context = || format!("failed to create the stream {}", self.name);
                self.bus.jetstream().create_stream(wanted).await.with_context(context)?;
            }
            Err(error) => return Err(error).with_context(|| format!("failed to look up the stream {}", self.name)),
        }
        Ok(())
    }

    async fn stream(&self) -> Result<Stream<Info>, Unavailable> {
        let stream = timeout(ANSWER_WITHIN, self.bus.jetstream().get_stream(self.name.as_str())).await;
        stream.map_err(|_| Unavailable)?.map_err(|_| Unavailable)
    }

    fn stored(&self, channel: &Channel) -> String {
        format!("{}.in.{}", self.name, channel.subject())
    }

    /// Subscribes to a channel and fills its ring until the subscription ends.
    async fn follow(
        &self,
        channel: &Channel,
        ring: &Ring<Arc<Message>>,
        is_open: &mut bool,
    ) -> Result<(), Unavailable> {
        let subject = format!("{}.out.{}", self.name, channel.subject());
        // From before everything that a lost connection can cost.
        let mut reconnected = Box::pin(self.bus.reconnected());
        let mut messages = self.bus.client().subscribe(subject).await.map_err(|_| Unavailable)?;
        timeout(ANSWER_WITHIN, self.bus.client().flush()).await.map_err(|_| Unavailable)?.map_err(|_| Unavailable)?;
        if *is_open {
            self.catch_up(channel, ring).await?;
        } else {
            ring.open(self.stream().await?.cached_info().state.last_sequence);
            *is_open = true;
        }
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    let headers = message.headers.unwrap_or_default();
                    let Some(id) = number(&headers, header::NATS_SEQUENCE) else { continue };
                    if number(&headers, header::NATS_LAST_SEQUENCE).is_some_and(|before| before > ring.newest()) {
                        self.catch_up(channel, ring).await?;
                    }
                    let epoch = epoch_of(&headers);
                    ring.push(id, message.payload.len(), Arc::new(Message::new(id, message.payload, epoch)));
                }
                () = &mut reconnected => {
                    reconnected = Box::pin(self.bus.reconnected());
                    self.catch_up(channel, ring).await?;
                }
            }
        }
    }

    /// Reads what the ring lacks from the stream.
    async fn catch_up(&self, channel: &Channel, ring: &Ring<Arc<Message>>) -> Result<(), Unavailable> {
        let state = self.stream().await?.cached_info().state.clone();
        let messages = match self.between(channel, ring.newest(), state.last_sequence).await? {
            Some(messages) => messages,
            None => {
                ring.skip(state.first_sequence.saturating_sub(1));
                self.kept(channel, ring.newest(), state.last_sequence).await?
            }
        };
        for message in messages {
            ring.push(message.id, message.body.len(), message);
        }
        Ok(())
    }

    /// The messages with these ids that are stored.
    async fn kept(&self, channel: &Channel, after: u64, last: u64) -> Result<Vec<Arc<Message>>, Unavailable> {
        let stream = self.bus.jetstream().get_stream_no_info(self.name.as_str()).await.map_err(|_| Unavailable)?;
        let (subject, mut next, mut found) = (self.stored(channel), after + 1, Vec::new());
        while next <= last {
            let asked = stream.direct_get_next_for_subject(subject.as_str(), Some(next));
            let message = match timeout(ANSWER_WITHIN, asked).await.map_err(|_| Unavailable)? {
                Ok(message) if message.sequence <= last => message,
                Ok(_) => break,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(_) => return Err(Unavailable),
            };
            next = message.sequence + 1;
            let epoch = epoch_of(&message.headers);
            found.push(Arc::new(Message::new(message.sequence, message.payload, epoch)));
        }
        Ok(found)
    }
}

impl Transport for NatsTransport {
    async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        if !self.bus.is_connected() {
            return Err(Unavailable); // the library would keep the message and send it later
        }
        let publish = async {
            let sent = self.bus.publishing().publish(self.stored(channel), body).await.map_err(|_| Unavailable)?;
            let ack = sent.await.map_err(|_| Unavailable)?;
            Ok(ack.sequence)
        };
        timeout(ANSWER_WITHIN, publish).await.map_err(|_| Unavailable)?
    }

    async fn fill(self, channel: Channel, ring: Ring<Arc<Message>>) {
        let mut is_open = false;
        loop {
            // What it lacks after a failure, it catches up with.
            self.follow(&channel, &ring, &mut is_open).await.ok();
            sleep(TRY_AGAIN_AFTER).await;
        }
    }

    async fn between(
        &self,
        channel: &Channel,
        after: u64,
        last: u64,
    ) -> Result<Option<Vec<Arc<Message>>>, Unavailable> {
        if after > self.stream().await?.cached_info().state.last_sequence {
            return Ok(None); // an id of another stream
        }
        let messages = self.kept(channel, after, last).await?;
        // Checked afterwards: what was removed in the meantime may be missing.
        let first = self.stream().await?.cached_info().state.first_sequence;
        Ok((first <= after + 1).then_some(messages))
    }
}

fn config(name: &Name) -> Config {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Config {
        name: name.to_string(),
        description: Some("the messages of a hub".to_owned()),
        subjects: vec![format!("{name}.in.>")],
        republish: Some(Republish {
            source: format!("{name}.in.>"),
            destination: format!("{name}.out.>"),
            headers_only: false,
        }),
        first_sequence: u64::try_from(now.as_micros()).ok(),
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: KEPT,
        max_bytes: MOST_BYTES,
        allow_direct: true,
        ..Config::default()
    }
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

/// The name of the hub is the name of a stream with another purpose.
#[derive(Debug, thiserror::Error)]
#[error("the stream {name} at this NATS server is not a hub's: give the hub another name, HUB__NAME=another-hub")]
struct NotOurs {
    name: Name,
}
