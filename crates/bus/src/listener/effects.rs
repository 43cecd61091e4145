//! Where the effects of listeners are stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use service::Error;

use super::{Listener, Rejection};
use crate::{FailedAttempt, PublishError};

/// Where the effects of listeners are stored, and with them the record of which events were handled.
///
/// This is a border of the design: the bus runs every listener in the same way, and knows no database. [`Nowhere`] is for
/// listeners without one; the crate `store` implements this for a MongoDB database.
pub trait Effects: Clone + Send + Sync + 'static {
    /// What a handler makes its changes in: a transaction.
    type Tx: Send;

    /// Prepares for the listeners of a queue group, however long that takes: call it alongside the request to stop.
    fn open(&self, group: &'static str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Calls the listener and stores its effects together with the note that the event is handled: all or nothing.
    ///
    /// An event that was handled before is skipped. The listener is called again if its changes conflict with others.
    fn apply<L: Listener<Effects = Self>>(
        &self,
        listener: Arc<L>,
        event_id: String,
        event: L::Event,
    ) -> impl Future<Output = Result<(), Rejection>> + Send;

    /// Whether the error is trouble of the store or the broker, which passes and is not counted as the event's failure.
    fn is_outage(&self, error: &Error) -> bool;

    /// Records that handling the event has failed, and returns all its failures until now.
    fn failed(
        &self,
        group: &'static str,
        event_id: &str,
        error: &str,
    ) -> impl Future<Output = Result<Failures, Error>> + Send;

    /// Records that the event waits for an earlier one, and returns for how long it has waited.
    fn waits(&self, group: &'static str, event_id: &str) -> impl Future<Output = Result<Duration, Error>> + Send;
}

/// The failures of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How often handling the event has failed.
    pub count: u32,
    /// The last failed attempts, the latest one last.
    pub history: Vec<FailedAttempt>,
}

/// No store at all: for listeners whose effects are idempotent by themselves, such as a schedule named after its order.
///
/// Nothing recognises duplicates. Failures are counted in memory only, so a restart begins to count again.
#[derive(Clone, Debug, Default)]
pub struct Nowhere {
    troubled: Arc<Mutex<HashMap<(&'static str, String), Troubled>>>,
}

/// How many events' failures are remembered; beyond that, those of the oldest are forgotten.
const MAX_TROUBLED: usize = 10_000;

/// How many failed attempts of an event are kept, as in a database.
const MAX_HISTORY: usize = 20;

/// An event that could not be handled yet.
#[derive(Debug)]
struct Troubled {
    failures: Failures,
    since: Instant,
}

impl Nowhere {
    /// Notes something about an event that is not handled yet.
    fn note<T>(&self, group: &'static str, event_id: &str, note: impl FnOnce(&mut Troubled) -> T) -> T {
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group, event_id.to_owned());
        if troubled.len() >= MAX_TROUBLED && !troubled.contains_key(&key) {
            let oldest = troubled.iter().min_by_key(|(_, event)| event.since).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| troubled.remove(&oldest));
        }
        note(troubled.entry(key).or_insert_with(|| Troubled { failures: Failures::default(), since: Instant::now() }))
    }
}

impl Effects for Nowhere {
    type Tx = ();

    async fn open(&self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    async fn apply<L: Listener<Effects = Self>>(
        &self,
        listener: Arc<L>,
        event_id: String,
        event: L::Event,
    ) -> Result<(), Rejection> {
        listener.on_message(&event, &mut ()).await?;
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        troubled.remove(&(L::QUEUE_GROUP, event_id));
        Ok(())
    }

    fn is_outage(&self, error: &Error) -> bool {
        error.chain().any(|cause| cause.downcast_ref().is_some_and(PublishError::may_pass))
    }

    async fn failed(&self, group: &'static str, event_id: &str, error: &str) -> Result<Failures, Error> {
        Ok(self.note(group, event_id, |event| {
            let Failures { count, history } = &mut event.failures;
            *count = count.saturating_add(1);
            history.push(FailedAttempt::now(error));
            if history.len() > MAX_HISTORY {
                history.remove(0);
            }
            event.failures.clone()
        }))
    }

    async fn waits(&self, group: &'static str, event_id: &str) -> Result<Duration, Error> {
        Ok(self.note(group, event_id, |event| event.since.elapsed()))
    }
}
