//! Effects without a store.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::Subject;
use service::Error;
use tokio::sync::mpsc;

use super::{Awaited, Effects, Keeping, Listener, Rejection, Settled, WaitingEvent, WaitingRoom};
use crate::{Bus, FailedAttempt, Failures, PublishError};

/// How many events' failures are remembered; beyond that, those of the oldest are forgotten.
const MAX_TROUBLED: usize = 10_000;

/// How many failed attempts of an event are kept, as in a database.
const MAX_HISTORY: usize = 20;

/// No store at all: for listeners whose effects are idempotent by themselves, such as a schedule named after its order.
///
/// Nothing recognises duplicates, and an event that waits for another returns to the broker. Failures are counted in
/// memory only, so a restart begins to count again.
#[derive(Clone, Debug, Default)]
pub struct Nowhere {
    troubled: Arc<Mutex<HashMap<(String, String), Troubled>>>,
}

/// An event that could not be handled yet.
#[derive(Debug)]
struct Troubled {
    failures: Failures,
    since: Instant,
}

impl Nowhere {
    /// Notes something about an event that is not handled yet.
    fn note<T>(&self, group: &str, event_id: &str, note: impl FnOnce(&mut Troubled) -> T) -> T {
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group.to_owned(), event_id.to_owned());
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
        event: Arc<L::Event>,
    ) -> Result<(), Rejection> {
        listener.on_message(&event, &mut ()).await?;
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        if !troubled.is_empty() {
            troubled.remove(&(L::QUEUE_GROUP.to_owned(), event_id));
        }
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
}

impl WaitingRoom for Nowhere {
    const IN_PROCESS: Option<Duration> = None;

    async fn reached(&self, _: Awaited) {
        std::future::pending().await
    }

    async fn keep(&self, event: &WaitingEvent) -> Result<Keeping, Error> {
        Ok(Keeping::Returned(self.note(&event.group, &event.id, |event| event.since.elapsed())))
    }

    fn returning(&self, _: &'static str, _: Subject) -> mpsc::Receiver<WaitingEvent> {
        mpsc::channel(1).1
    }

    async fn settle(&self, _: &WaitingEvent, _: Settled) -> Result<(), Error> {
        Ok(())
    }

    async fn serve(&self, _: &Bus, _: Duration) -> Infallible {
        std::future::pending().await
    }
}
