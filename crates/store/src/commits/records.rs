//! The records that events of this process wait for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Awaited;
use events::RecordKey;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The limits of the pause between two looks at a record that another process may write; it doubles with each look that
/// finds nothing new.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// The records that somebody waits for, and who.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<HashMap<RecordKey, Watched>>);

#[derive(Debug)]
struct Watched {
    /// The version that each one waits for.
    waiters: Vec<(u64, oneshot::Sender<()>)>,
    /// The latest version that is known.
    seen: Option<u64>,
    /// When the database is asked next for the version of the record.
    due: Instant,
    pause: Duration,
}

impl Watched {
    fn new() -> Self {
        Self { waiters: Vec::new(), seen: None, due: Instant::now() + MIN_PAUSE, pause: MIN_PAUSE }
    }

    /// Something happens to the record, so the next change may be close.
    fn ask_soon(&mut self) {
        self.pause = MIN_PAUSE;
        self.due = self.due.min(Instant::now() + MIN_PAUSE);
    }
}

impl Records {
    /// Resolves when the record has the version; whoever drops the receiver waits no more.
    pub(crate) fn reached(&self, Awaited { record, version }: Awaited) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut records = self.lock();
        let watched = records.entry(record).or_insert_with(Watched::new);
        watched.ask_soon();
        watched.waiters.push((version, sender));
        receiver
    }

    /// Wakes whoever waits for this version of the record, or an earlier one.
    pub(crate) fn wrote(&self, record: RecordKey, version: u64) {
        let mut records = self.lock();
        let Some(watched) = records.get_mut(&record) else { return };
        if watched.seen < Some(version) {
            watched.seen = Some(version);
            watched.ask_soon();
        }
        for (_, waiter) in watched.waiters.extract_if(.., |(awaited, _)| *awaited <= version) {
            let _ = waiter.send(()); // if it still waits
        }
        if watched.waiters.is_empty() {
            records.remove(&record);
        }
    }

    /// When the database is to be asked next, if anything waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.lock().values().map(|watched| watched.due).min()
    }

    /// The records that the database is to be asked for now. The next time it is asked for them after a longer pause.
    pub(crate) fn take_due(&self) -> Vec<RecordKey> {
        let (mut records, now) = (self.lock(), Instant::now());
        records.retain(|_, watched| {
            watched.waiters.retain(|(_, waiter)| !waiter.is_closed());
            !watched.waiters.is_empty()
        });
        let due = records.iter_mut().filter(|(_, watched)| watched.due <= now);
        due.map(|(record, watched)| {
            watched.pause = (watched.pause * 2).min(MAX_PAUSE);
            watched.due = now + watched.pause;
            *record
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bus::Awaited;
    use events::{Aggregate, AnyId, RecordKey};
    use tokio::time::sleep_until;

    use super::Records;

    const RECORD: RecordKey = RecordKey { aggregate: Aggregate::Ticket, id: AnyId::from_bytes([1; 12]) };

    #[tokio::test]
    async fn a_commit_wakes_those_who_wait_for_its_version_and_no_others() {
        let records = Records::default();
        let reached = |version| records.reached(Awaited { record: RECORD, version });
        let (first, second, mut fourth) = (reached(1), reached(2), reached(4));
        records.wrote(RECORD, 2);
        first.await.unwrap();
        second.await.unwrap();
        assert!(fourth.try_recv().is_err());
        drop(fourth);
        records.take_due();
        assert!(records.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_database_is_asked_less_and_less_often_and_at_least_every_tenth_of_a_second() {
        let records = Records::default();
        let _waits = records.reached(Awaited { record: RECORD, version: 1 });
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let (began, due) = (tokio::time::Instant::now(), records.due().unwrap());
            sleep_until(due).await;
            pauses.push(began.elapsed().as_millis());
            assert_eq!(records.take_due(), [RECORD]);
            assert!(records.take_due().is_empty());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 100, 100]);
        records.wrote(RECORD, 0);
        assert!(
            records.due().unwrap() - tokio::time::Instant::now() <= super::MIN_PAUSE,
            "a change makes the next likely"
        );
    }
}
