//! The lease on a client id: taken, renewed and released in the registry.

use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv::{Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use tokio::time::{sleep, timeout};

use super::Entry;
use super::registry::{MARKER_LIFETIME, open};
use crate::{Bus, Error, ErrorKind, Name};

/// How long the holder of a client id may take to answer a newcomer, as in NATS Streaming.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// The pause before a holder that was not there is asked once more: longer than it takes to reconnect.
const SECOND_PROBE_PAUSE: Duration = Duration::from_millis(400);

/// Our client id in the registry.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    bus: Bus,
    store: Store,
    inbox: String,
    time_to_live: Duration,
    revision: u64,
    /// Whether the revision is certainly one of this registry, and not of a deleted one.
    is_certain: bool,
}

/// The result of a write to the registry.
enum Written {
    Done(u64),
    SomebodyElseWrote,
}

/// What the registry contains under our id.
enum Found {
    Nothing { revision: u64 },
    Ours { revision: u64 },
    Anothers { revision: u64, inbox: String },
}

impl Lease {
    /// Takes the id, unless a live process answers for it.
    pub(super) async fn acquire(bus: &Bus, inbox: &str, time_to_live: Duration) -> Result<Self, Error> {
        let store = open(bus).await?;
        let (bus, inbox) = (bus.clone(), inbox.to_owned());
        let mut lease = Self { bus, store, inbox, time_to_live, revision: 0, is_certain: true };
        let mut after = 0;
        lease.revision = loop {
            match lease.write(after).await? {
                Written::Done(revision) => break revision,
                Written::SomebodyElseWrote => match lease.find().await? {
                    Found::Nothing { revision } | Found::Ours { revision } => after = revision,
                    Found::Anothers { inbox, .. } if lease.is_answered(&inbox).await? => {
                        return Err(ErrorKind::AlreadyRegistered { client_id: lease.id().clone() }.into());
                    }
                    Found::Anothers { revision, .. } => after = revision,
                },
            }
        };
        Ok(lease)
    }

    fn id(&self) -> &Name {
        self.bus.client_id()
    }

    /// The registry may be another one now: the next heartbeat opens it again and reads the entry first.
    pub(super) fn doubt(&mut self) {
        self.is_certain = false;
    }

    /// Renews the lease; an error if another process has the id. A broker that is away is no error: the next heartbeat is
    /// soon.
    pub(super) async fn beat(mut self, limit: Duration) -> Result<Self, Error> {
        match timeout(limit, self.renew()).await {
            Ok(Ok(revision)) => (self.revision, self.is_certain) = (revision, true),
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Displaced { .. }) => return Err(error),
            Ok(Err(error)) => {
                tracing::debug!(client_id = %self.id(), "heartbeat failed: {error:#}");
                self.is_certain = false;
            }
            Err(_) => tracing::debug!(client_id = %self.id(), "heartbeat not confirmed within {limit:?}"),
        }
        Ok(self)
    }

    async fn renew(&self) -> Result<u64, Error> {
        let mut after = Some(self.revision);
        if !self.is_certain {
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
                // Forgotten while the broker was away, or our own heartbeat whose confirmation was lost.
                Found::Nothing { revision } | Found::Ours { revision } => after = Some(revision),
                Found::Anothers { .. } => return Err(ErrorKind::Displaced { client_id: self.id().clone() }.into()),
            }
        }
    }

    /// Frees the id, if it is still ours.
    pub(super) async fn release(self) {
        if !self.bus.is_connected() {
            return; // the lease expires by itself
        }
        // A heartbeat may still be in flight, and arrive between the read and the delete.
        let mut tried = None;
        while let Ok(Found::Ours { revision }) = self.find().await
            && tried != Some(revision)
        {
            let deleted =
                self.store.purge_expect_revision_with_ttl(self.id().as_str(), revision, MARKER_LIFETIME).await;
            let Err(error) = deleted else { return };
            tracing::debug!(client_id = %self.id(), "client id not released yet: {error}");
            tried = Some(revision);
        }
    }

    /// Writes our entry if the last revision is `after`.
    ///
    /// Written out, since `Store::create_with_ttl` of async-nats 0.51 loses the time to live over a deleted entry.
    async fn write(&self, after: u64) -> Result<Written, Error> {
        let failed = |error: async_nats::Error| Error::request("write to the registry of client ids", error);
        let entry = Entry { inbox: self.inbox.clone(), listening: self.bus.listening().borrow().clone() };
        let message = PublishMessage::build()
            .payload(serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?.into())
            .header("Nats-TTL", format!("{}ms", self.time_to_live.as_millis()))
            .expected_last_subject_sequence(after);
        let subject = format!("$KV.{}.{}", self.store.name, self.id());
        let sent = self.bus.jetstream().send_publish(subject, message).await.map_err(|error| failed(error.into()))?;
        match sent.await {
            Ok(ack) => Ok(Written::Done(ack.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::SomebodyElseWrote),
            Err(error) => Err(failed(error.into())),
        }
    }

    async fn find(&self) -> Result<Found, Error> {
        let entry = self.store.entry(self.id().as_str()).await;
        let entry = entry.map_err(|error| Error::request("read the registry of client ids", error))?;
        let Some(entry) = entry else { return Ok(Found::Nothing { revision: 0 }) };
        let revision = entry.revision;
        if entry.operation != Operation::Put {
            return Ok(Found::Nothing { revision });
        }
        let Entry { inbox, .. } = serde_json::from_slice(&entry.value).unwrap_or_default();
        Ok(if inbox == self.inbox { Found::Ours { revision } } else { Found::Anothers { revision, inbox } })
    }

    /// Whether the holder of the id answers that it is alive.
    ///
    /// If nobody is there, it is asked once more: after a restart of the broker the holder may reconnect a little later
    /// than this process.
    async fn is_answered(&self, inbox: &str) -> Result<bool, Error> {
        if inbox.is_empty() {
            return Ok(false); // not an entry of ours: it names no inbox
        }
        for pause in [Duration::ZERO, SECOND_PROBE_PAUSE] {
            sleep(pause).await;
            let probe = Request::new().timeout(Some(PROBE_TIMEOUT));
            match self.bus.client().send_request(inbox.to_owned(), probe).await {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {}
                Err(error) if error.kind() == RequestErrorKind::TimedOut => return Ok(false),
                Err(error) => return Err(Error::request("ask the holder of the client id", error)),
            }
        }
        Ok(false)
    }
}
