//! The commits of this process, and what they wake.
//!
//! Nothing here knows the database: transactions report here what they have written, listeners what waits for it, and the
//! [search](crate::waiting) takes from here what it has to look for.

mod records;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bus::WaitingEvent;
use events::RecordKey;
use tokio::sync::{Notify, mpsc};

use self::records::Records;

/// How many stored events of a listener are on their way to it.
const MAX_RETURNING: usize = 256;

/// A listener: its queue group and its subject.
pub(crate) type Listening = (String, String);

/// What became of a stored event that was to be passed to its listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// The listener has it.
    Passed,
    /// The listener has had it before and not tried it yet, or there is none.
    NotNeeded,
    /// Too many others are on their way to the listener.
    NoRoom,
}

/// What this process has committed, and what waits for that.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    /// The records that events of this process wait for.
    pub(crate) records: Records,
    /// The records that were written while there were stored events, with their versions.
    written: Mutex<HashMap<RecordKey, u64>>,
    /// The records whose followers were stored: one of them may have been written in the meantime.
    stored: Mutex<HashSet<RecordKey>>,
    /// Wakes the search when one of the three has changed.
    pub(crate) changed: Notify,
    /// Whether the collection may contain events.
    pub(crate) is_used: AtomicBool,
    /// How often this process has stored a follower.
    times_stored: AtomicU64,
    /// The listeners of this process, by group and subject.
    listeners: Mutex<HashMap<Listening, mpsc::Sender<WaitingEvent>>>,
    /// The keys of the stored events that a listener of this process is about to handle, each with the listener.
    returning: Mutex<HashMap<String, Listening>>,
    /// Held by the listener that searches for all of them.
    pub(crate) searching: tokio::sync::Mutex<()>,
}

impl Commits {
    /// A committed transaction has written these records.
    pub(crate) fn wrote(&self, records: &[(RecordKey, u64)]) {
        for &(record, version) in records {
            self.records.wrote(record, version);
        }
        if self.is_used.load(Ordering::Relaxed) && !records.is_empty() {
            self.look_for_followers(records.iter().copied());
            self.changed.notify_one();
        }
    }

    /// The followers of these records, which have these versions, are to be looked for.
    pub(crate) fn look_for_followers(&self, records: impl IntoIterator<Item = (RecordKey, u64)>) {
        let mut written = lock(&self.written);
        for (record, version) in records {
            let newest = written.entry(record).or_insert(version);
            *newest = version.max(*newest);
        }
    }

    /// A follower of the record was stored.
    pub(crate) fn stored(&self, record: RecordKey) {
        self.times_stored.fetch_add(1, Ordering::Relaxed);
        self.is_used.store(true, Ordering::Relaxed);
        self.look_again([record]);
        self.changed.notify_one();
    }

    /// These records may have been written before their followers were stored.
    pub(crate) fn look_again(&self, records: impl IntoIterator<Item = RecordKey>) {
        lock(&self.stored).extend(records);
    }

    /// How often this process has stored a follower.
    pub(crate) fn times_stored(&self) -> u64 {
        self.times_stored.load(Ordering::Relaxed)
    }

    pub(crate) fn take_written(&self) -> HashMap<RecordKey, u64> {
        take(&mut *lock(&self.written))
    }

    pub(crate) fn take_stored(&self) -> HashSet<RecordKey> {
        take(&mut *lock(&self.stored))
    }

    /// Passes a stored event to its listener, unless it is on its way.
    pub(crate) fn pass(&self, key: String, event: WaitingEvent) -> Passing {
        let listening = (event.group.clone(), event.delivery.subject.clone());
        let Some(listener) = lock(&self.listeners).get(&listening).cloned() else { return Passing::NotNeeded };
        match lock(&self.returning).entry(key.clone()) {
            Entry::Occupied(_) => return Passing::NotNeeded,
            Entry::Vacant(free) => free.insert(listening),
        };
        if listener.try_send(event).is_ok() {
            return Passing::Passed;
        }
        lock(&self.returning).remove(&key);
        Passing::NoRoom
    }

    /// The listeners of this process.
    pub(crate) fn listening(&self) -> HashSet<Listening> {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|_, listener| !listener.is_closed());
        listeners.keys().cloned().collect()
    }

    /// Adds a listener of this process, which receives the stored events that are to be tried.
    pub(crate) fn listener(&self, group: &str, subject: &str) -> mpsc::Receiver<WaitingEvent> {
        let (sender, receiver) = mpsc::channel(MAX_RETURNING);
        let listening = (group.to_owned(), subject.to_owned());
        lock(&self.returning).retain(|_, other| *other != listening); // what the listener before has left
        lock(&self.listeners).insert(listening, sender);
        receiver
    }

    /// A listener has tried the event.
    pub(crate) fn tried(&self, key: &str) {
        lock(&self.returning).remove(key);
        self.changed.notify_one(); // there is room for another
    }

    /// Whether a listener is about to try the event.
    pub(crate) fn is_returning(&self, key: &str) -> bool {
        lock(&self.returning).contains_key(key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bus::{Awaited, Delivery, WaitingEvent};
    use events::{Aggregate, AnyId, RecordKey};
    use time::OffsetDateTime;

    use super::{Commits, Passing};

    fn event() -> WaitingEvent {
        let (subject, now) = ("ticket:updated".to_owned(), OffsetDateTime::now_utc());
        let delivery = Delivery::restored(subject, "{}".into(), 1, 1, now, &[]);
        let record = RecordKey { aggregate: Aggregate::Ticket, id: AnyId::from_bytes([1; 12]) };
        let awaited = Awaited { record, version: 0 };
        WaitingEvent {
            group: "orders-service".to_owned(),
            id: "1".to_owned(),
            delivery,
            awaited,
            waited: Duration::ZERO,
        }
    }

    #[test]
    fn an_event_is_passed_once_until_it_was_tried_and_again_to_the_next_listener() {
        let commits = Commits::default();
        let pass = || commits.pass("orders-service/1".to_owned(), event());
        assert_eq!(pass(), Passing::NotNeeded, "nobody listens");
        let mut listener = commits.listener("orders-service", "ticket:updated");
        assert_eq!((pass(), pass()), (Passing::Passed, Passing::NotNeeded));
        assert!(listener.try_recv().is_ok() && listener.try_recv().is_err());
        commits.tried("orders-service/1");
        assert_eq!(pass(), Passing::Passed);
        drop(listener);
        let mut next = commits.listener("orders-service", "ticket:updated");
        assert_eq!(pass(), Passing::Passed);
        assert!(next.try_recv().is_ok());
    }
}
