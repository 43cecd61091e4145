//! One live process for each client id, as in NATS Streaming.

use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use async_nats::client::{Request, RequestErrorKind};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv::{self, Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::StorageType;
use bytes::Bytes;
use futures_util::future::Fuse;
use futures_util::{FutureExt, StreamExt};
use service::{Error, Scope, Service};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Entry;
use crate::{Bus, Name, streams};
use telemetry::WarnOnce;

/// How long the holder of a client id has to answer a newcomer, as in NATS Streaming.
const PROBE_WITHIN: Duration = Duration::from_millis(500);

/// When a holder is asked again who was not there: longer than it takes to connect again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(400);

/// How long the server keeps the mark of a deleted entry: the shortest time it allows.
const MARKED_FOR: Duration = Duration::from_secs(1);

/// How a process shows that it lives, with the meaning of NATS Streaming's server options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The time between two beats (`-hbi`).
    pub interval: Duration,
    /// How long a beat may take (`-hbt`).
    pub timeout: Duration,
    /// How many may fail; with one more the client is forgotten (`-hbf`).
    pub failures: u32,
}

impl Default for Heartbeat {
    /// The course's values: 5 s, 5 s, 2.
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), timeout: Duration::from_secs(5), failures: 2 }
    }
}

impl Heartbeat {
    /// When a client is forgotten that does not beat any more; the server takes no less than 1 s.
    pub fn forgotten_after(&self) -> Duration {
        ((self.interval + self.timeout) * (self.failures + 1)).max(Duration::from_secs(1))
    }
}

/// Registers the client id of a [`Bus`], so that no other process can use it while this one lives.
///
/// It is ready when the id is ours. Undoing it frees the id at once. After `kill -9` the next one that wants the id
/// finds nobody answering and takes it; if none comes, the id is forgotten after [`Heartbeat::forgotten_after`]. A
/// frozen process loses the id the same way, and ends with [`Displaced`] when it wakes.
///
/// The ids stand in the key-value bucket `<cluster id>-clients`; the value, an [`Entry`], says where the holder answers
/// and what it listens to. [`clients`](super::clients) reads them.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whose client id.
    pub bus: Bus,
    /// How the process shows that it lives.
    pub heartbeat: Heartbeat,
}

/// Another live process uses this client id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client ID already registered: a live process uses {0}; choose another id, or stop that process")]
pub struct AlreadyRegistered(pub Name);

/// Another process took over our client id, because we had not answered it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client has been replaced: another process took over the client ID {0} while this one did not answer")]
pub struct Displaced(pub Name);

impl Service for Registration {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { bus, heartbeat } = self;
        let inbox = bus.client().new_inbox();
        let mut probes = bus.client().subscribe(inbox.clone()).await?;
        let mut listening = bus.listening().subscribe();
        let mut link = bus.link();
        let stopping = scope.stopping();
        let Some(acquired) = stopping.or(acquire(&bus, &inbox, heartbeat)).await else { return Ok(()) };
        let mut held = acquired?;
        scope.ready(());

        let mut beats = interval(heartbeat.interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beating = pin!(Fuse::terminated());
        loop {
            tokio::select! {
                () = stopping.asked() => break,
                Some(probe) = probes.next() => {
                    if let Some(reply) = probe.reply {
                        bus.client().publish(reply, Bytes::new()).await?;
                    }
                    // Whoever slept through the question learns by the next beat that the id is another's.
                    beats.reset_immediately();
                }
                Ok(()) = listening.changed() => beats.reset_immediately(), // the entry tells of it too
                // The broker may have come back without its data: be there again before anybody asks for the id.
                Ok(()) = link.changed() => if link.borrow_and_update().connected {
                    held.is_sure = false;
                    beats.reset_immediately();
                },
                _ = beats.tick() => beating.set(held.clone().beat(heartbeat.timeout).fuse()),
                beat = &mut beating => held = beat?,
            }
        }
        held.release().await;
        Ok(())
    }
}

async fn acquire(bus: &Bus, inbox: &str, heartbeat: Heartbeat) -> Result<Held, Error> {
    let mut once = WarnOnce::default();
    loop {
        match Held::acquired(bus, inbox, heartbeat.forgotten_after()).await {
            Err(error) if bus.passes(&error, &mut once).await => {}
            held => return held,
        }
    }
}

async fn open(bus: &Bus) -> Result<Store, Error> {
    let bucket = super::bucket(bus.cluster_id());
    let there = streams::config_of(bus, &super::stream(&bucket)).await?;
    let config = kv::Config {
        bucket,
        num_replicas: streams::replicas(bus, there.as_ref()),
        description: "the client ids in use".to_owned(),
        history: 1,
        storage: StorageType::File, // in memory a restarted server would have forgotten who lives
        limit_markers: Some(MARKED_FOR),
        ..kv::Config::default()
    };
    Ok(bus.jetstream().create_or_update_key_value(config).await?)
}

/// Our client id in the registry.
#[derive(Clone, Debug)]
struct Held {
    bus: Bus,
    store: Store,
    inbox: String,
    time_to_live: Duration,
    revision: u64,
    /// Whether the revision is surely one of this registry, and not of one that is gone.
    is_sure: bool,
}

/// What a write to the registry came to.
enum Written {
    Done(u64),
    SomebodyElseWrote,
}

/// What stands in the registry under our id.
enum Found {
    Nothing { revision: u64 },
    Ours { revision: u64 },
    Anothers { revision: u64, inbox: String },
}

impl Held {
    async fn acquired(bus: &Bus, inbox: &str, time_to_live: Duration) -> Result<Self, Error> {
        let store = open(bus).await.context("opening the registry of client ids")?;
        let (bus, inbox) = (bus.clone(), inbox.to_owned());
        let mut held = Self { bus, store, inbox, time_to_live, revision: 0, is_sure: true };
        held.acquire().await?;
        Ok(held)
    }

    fn id(&self) -> &Name {
        self.bus.client_id()
    }

    /// Takes the id, unless a live process answers for it.
    async fn acquire(&mut self) -> Result<(), Error> {
        let mut after = 0;
        loop {
            match self.write(after).await? {
                Written::Done(revision) => {
                    self.revision = revision;
                    return Ok(());
                }
                Written::SomebodyElseWrote => match self.find().await? {
                    Found::Nothing { revision } | Found::Ours { revision } => after = revision,
                    Found::Anothers { inbox, .. } if self.answers(&inbox).await? => {
                        return Err(AlreadyRegistered(self.id().clone()).into());
                    }
                    Found::Anothers { revision, .. } => after = revision,
                },
            }
        }
    }

    /// Shows that we live. A broker that is away is no failure: the next beat is soon.
    async fn beat(mut self, limit: Duration) -> Result<Self, Error> {
        match tokio::time::timeout(limit, self.renew()).await {
            Ok(Ok(revision)) => (self.revision, self.is_sure) = (revision, true),
            Ok(Err(error)) if error.is::<Displaced>() => return Err(error),
            Ok(Err(error)) => {
                tracing::debug!("a heartbeat failed: {error:#}");
                self.is_sure = false;
            }
            Err(_) => tracing::debug!("a heartbeat was not confirmed within {limit:?}"),
        }
        Ok(self)
    }

    async fn renew(&self) -> Result<u64, Error> {
        let mut after = Some(self.revision);
        if !self.is_sure {
            open(&self.bus).await?; // somebody may have deleted it
            after = None;
        }
        loop {
            if let Some(after) = after
                && let Written::Done(revision) = self.write(after).await?
            {
                return Ok(revision);
            }
            match self.find().await? {
                // Forgotten while the broker was away, or our own beat whose confirmation was lost.
                Found::Nothing { revision } | Found::Ours { revision } => after = Some(revision),
                Found::Anothers { .. } => return Err(Displaced(self.id().clone()).into()),
            }
        }
    }

    /// Frees the id, if it is still ours.
    async fn release(self) {
        if !self.bus.is_connected() {
            return; // it is forgotten by itself
        }
        // A beat may be under way still, and arrive between our question and what we do about it.
        let mut tried = None;
        while let Ok(Found::Ours { revision }) = self.find().await
            && tried != Some(revision)
        {
            let deleted = self.store.purge_expect_revision_with_ttl(self.id().as_str(), revision, MARKED_FOR).await;
            let Err(error) = deleted else { return };
            tracing::debug!("the client id is registered still: {error}");
            tried = Some(revision);
        }
    }

    /// Writes our entry after the revision that we know.
    ///
    /// Written by hand: `Store::create_with_ttl` of async-nats 0.51 forgets the time to live over a deleted entry.
    async fn write(&self, after: u64) -> Result<Written, Error> {
        let entry = Entry { inbox: self.inbox.clone(), listening: self.bus.listening().borrow().clone() };
        let message = PublishMessage::build()
            .payload(serde_json::to_vec(&entry)?.into())
            .header("Nats-TTL", format!("{}ms", self.time_to_live.as_millis()))
            .expected_last_subject_sequence(after);
        let subject = format!("$KV.{}.{}", self.store.name, self.id());
        match self.bus.jetstream().send_publish(subject, message).await?.await {
            Ok(ack) => Ok(Written::Done(ack.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::SomebodyElseWrote),
            Err(error) => Err(error).context("writing to the registry of client ids"),
        }
    }

    async fn find(&self) -> Result<Found, Error> {
        let entry = self.store.entry(self.id().as_str()).await.context("reading the registry of client ids")?;
        let Some(entry) = entry else { return Ok(Found::Nothing { revision: 0 }) };
        let revision = entry.revision;
        if entry.operation != Operation::Put {
            return Ok(Found::Nothing { revision });
        }
        let Entry { inbox, .. } = serde_json::from_slice(&entry.value).unwrap_or_default();
        Ok(if inbox == self.inbox { Found::Ours { revision } } else { Found::Anothers { revision, inbox } })
    }

    /// Whether the holder of the id says that it lives.
    ///
    /// When nobody is there it is asked once more: after a restart of the broker the holder may be back a little later
    /// than we are.
    async fn answers(&self, inbox: &str) -> Result<bool, Error> {
        if inbox.is_empty() {
            return Ok(false); // somebody else's writing, which says nowhere to ask
        }
        for wait in [Duration::ZERO, ASK_AGAIN_AFTER] {
            sleep(wait).await;
            let question = Request::new().timeout(Some(PROBE_WITHIN));
            match self.bus.client().send_request(inbox.to_owned(), question).await {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {}
                Err(error) if error.kind() == RequestErrorKind::TimedOut => return Ok(false),
                Err(error) => return Err(error).context("asking the holder of the client id"),
            }
        }
        Ok(false)
    }
}
