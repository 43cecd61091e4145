//! Events that wait for an earlier one.
//!
//! An event that came too early waits for a record to have a version: that a copy has the change before, that an order
//! exists. Mostly the transaction that brings it there is a few milliseconds away, so the event stays in the process, and
//! the commit wakes it ([`Commits`](crate::commits::Commits)). Commits of other processes are found by asking the database, once for all records
//! that something waits for, every few milliseconds and then less and less often.
//!
//! What waits for longer is stored in the collection `waiting` ([`rows`]), and acked: the broker would redeliver it again
//! and again, and new events would have to wait behind it. The process that commits the record looks for its followers
//! there ([`search`]). They are handled like new events, by as few workers that new ones do not notice it; the row is
//! removed after that, and if that fails, the inbox recognises the event.
//!
//! A process may be killed between its commit and the search for followers, and an event may be stored right after that
//! search. So whoever stores an event looks at its record once more, and a sweep looks at every row again and again, a page
//! at a time. It also finds those that have waited for too long, which become dead letters. And it tries a few of the others:
//! an event may have become able to be handled without a new version of the record that it waits for.

mod found;
mod row;
mod rows;
mod search;
mod versions;

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use bus::{Awaited, Bus, Keeping, Settled, WaitingEvent, WaitingRoom};
use events::Subject;
use service::Error;
use tokio::sync::mpsc;

pub use self::found::{WaitingCount, waiting_counts};
pub(crate) use self::rows::prepare;
pub(crate) use self::versions::version_in;
use crate::Store;
use crate::error::plainly;

/// How long an event waits in the process before it is stored.
const IN_PROCESS: Duration = Duration::from_secs(2);

impl WaitingRoom for Store {
    const IN_PROCESS: Option<Duration> = Some(IN_PROCESS);

    async fn reached(&self, awaited: Awaited) {
        let commits = self.commits();
        let reached = commits.records.reached(awaited);
        commits.changed.notify_one();
        if reached.await.is_err() {
            std::future::pending::<()>().await; // never: a record is forgotten after its waiters
        }
    }

    async fn keep(&self, event: &WaitingEvent) -> Result<Keeping, Error> {
        let stored = rows::store(self, event).await.context("failed to store an event that waits");
        stored.map_err(plainly)?;
        self.commits().stored(event.awaited.record);
        Ok(Keeping::Stored)
    }

    fn returning(&self, group: &'static str, subject: Subject) -> mpsc::Receiver<WaitingEvent> {
        self.commits().listener(group, subject.as_str())
    }

    async fn settle(&self, event: &WaitingEvent, settled: Settled) -> Result<(), Error> {
        let key = row::key(event);
        let result = match settled {
            Settled::Done => rows::remove(self, &key).await,
            Settled::Later(pause) => rows::postpone(self, &key, pause).await,
            Settled::Waits(awaited) => rows::waits_for(self, &key, awaited).await,
        };
        self.commits().tried(&key);
        if let Settled::Waits(awaited) = settled {
            self.commits().stored(awaited.record);
        }
        result.map_err(|error| plainly(error.into()))
    }

    async fn serve(&self, bus: &Bus, limit: Duration) -> Infallible {
        let _searching = self.commits().searching.lock().await;
        search::Search::new(self, bus, limit).run().await
    }
}
