//! Events that wait for an earlier one.
//!
//! An event that came too early waits for a record to have a version: that a copy has the change before, that an order
//! exists. Mostly the transaction that brings it there is a few milliseconds away, so the event stays in the process, and
//! the commit wakes it ([`records`]). Commits of other processes are found by asking the database, once for all records
//! that something waits for, every few milliseconds and then less and less often.
//!
//! What waits for longer is stored in the collection `waiting` ([`rows`]), and acked: the broker would redeliver it again
//! and again, and new events would have to wait behind it. The process that commits the record looks for its followers
//! there ([`service`]). They are handled like new events, by as few workers that new ones do not notice it; the row is
//! removed after that, and if that fails, the inbox recognises the event.
//!
//! A process may be killed between its commit and the search for followers, and an event may be stored right after that
//! search. So whoever stores an event looks at its record once more, and a sweep looks at every row again and again, a page
//! at a time. It also finds those that have waited for too long, which become dead letters.

mod records;
mod rows;
mod service;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::service::Error;
use anyhow::Context;
use bus::{Awaited, Bus, Keeping, Settled, WaitingEvent, WaitingRoom};
use events::{RecordKey, Subject};
use tokio::sync::{Notify, mpsc};

use self::records::Records;
pub use self::rows::{WaitingCount, waiting_counts};
pub(crate) use self::rows::{prepare, version_in};
use crate::Store;

/// How long an event waits in the process before it is stored.
const IN_PROCESS: Duration = Duration::from_secs(2);

/// How many stored events of a listener are on their way to it.
const MAX_RETURNING: usize = 256;

/// What waits in this process, and for what.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// The records that events of this process wait for.
    records: Records,
    /// The records that were written while there were stored events, with their versions.
    written: Mutex<HashMap<RecordKey, u64>>,
    /// The records whose followers were stored: one of them may have been written in the meantime.
    stored: Mutex<HashSet<RecordKey>>,
    /// Wakes the search when one of the three has changed.
    changed: Notify,
    /// Whether the collection may contain events.
    is_used: AtomicBool,
    /// The listeners of this process, by group and subject.
    listeners: Mutex<HashMap<(String, String), mpsc::Sender<WaitingEvent>>>,
    /// The keys of the stored events that a listener of this process is about to handle.
    returning: Mutex<HashSet<String>>,
    /// Held by the listener that searches for all of them.
    serving: tokio::sync::Mutex<()>,
}

impl Waiting {
    /// A committed transaction has written these records.
    pub(crate) fn wrote(&self, records: &[(RecordKey, u64)]) {
        for &(record, version) in records {
            self.records.wrote(record, version);
        }
        if self.is_used.load(Ordering::Relaxed) && !records.is_empty() {
            let mut written = lock(&self.written);
            for &(record, version) in records {
                let newest = written.entry(record).or_insert(version);
                *newest = version.max(*newest);
            }
            drop(written);
            self.changed.notify_one();
        }
    }

    /// A follower of the record was stored.
    fn stored(&self, record: RecordKey) {
        self.is_used.store(true, Ordering::Relaxed);
        lock(&self.stored).insert(record);
        self.changed.notify_one();
    }

    fn take_written(&self) -> HashMap<RecordKey, u64> {
        take(&mut *lock(&self.written))
    }

    fn take_stored(&self) -> HashSet<RecordKey> {
        take(&mut *lock(&self.stored))
    }

    /// Passes a stored event to its listener, unless it is on its way; `false` if there is no room.
    fn pass(&self, key: String, event: WaitingEvent) -> bool {
        let listener = (event.group.clone(), event.delivery.subject.clone());
        let Some(listener) = lock(&self.listeners).get(&listener).cloned() else { return true };
        if !lock(&self.returning).insert(key.clone()) {
            return true;
        }
        let is_passed = listener.try_send(event).is_ok();
        if !is_passed {
            lock(&self.returning).remove(&key);
        }
        is_passed
    }

    /// The groups that have a listener in this process.
    fn groups(&self) -> HashSet<String> {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|_, listener| !listener.is_closed());
        listeners.keys().map(|(group, _)| group.clone()).collect()
    }
}

impl WaitingRoom for Store {
    const IN_PROCESS: Option<Duration> = Some(IN_PROCESS);

    async fn reached(&self, awaited: Awaited) {
        let waiting = self.waiting();
        let reached = waiting.records.reached(awaited);
        waiting.changed.notify_one();
        if reached.await.is_err() {
            std::future::pending::<()>().await; // never: a record is forgotten after its waiters
        }
    }

    async fn keep(&self, event: &WaitingEvent) -> Result<Keeping, Error> {
        rows::store(self, event).await.context("failed to store an event that waits")?;
        self.waiting().stored(event.awaited.record);
        Ok(Keeping::Stored)
    }

    fn returning(&self, group: &'static str, subject: Subject) -> mpsc::Receiver<WaitingEvent> {
        let (sender, receiver) = mpsc::channel(MAX_RETURNING);
        lock(&self.waiting().listeners).insert((group.to_owned(), subject.as_str().to_owned()), sender);
        receiver
    }

    async fn settle(&self, event: &WaitingEvent, settled: Settled) -> Result<(), Error> {
        let key = rows::key(event);
        let result = match settled {
            Settled::Done => rows::remove(self, &key).await,
            Settled::Later(pause) => rows::postpone(self, &key, pause).await,
            Settled::Waits(awaited) => rows::waits_for(self, &key, awaited).await,
        };
        lock(&self.waiting().returning).remove(&key);
        if let Settled::Waits(awaited) = settled {
            self.waiting().stored(awaited.record);
        }
        self.waiting().changed.notify_one(); // there is room for another
        Ok(result?)
    }

    async fn serve(&self, bus: &Bus, limit: Duration) -> Infallible {
        let _serving = self.waiting().serving.lock().await;
        service::Search::new(self, bus, limit).run().await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
