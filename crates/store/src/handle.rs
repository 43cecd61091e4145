//! The handle of a service's own database.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::oid::ObjectId;
use mongodb::error::Result;
use mongodb::{Collection, Database};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use telemetry::WarnOnce;

use crate::commits::Commits;
use crate::error::is_refusal;
use crate::reported::Reported;
use crate::servers::Servers;

/// The pause after the database or the broker has failed.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How many transactions run at the same time. With more of them, those on one record spend their time on conflicts.
const CONCURRENT_TRANSACTIONS: usize = 16;

/// A service's own database, ready for use. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Store {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    database: Database,
    /// The name under which this process records rows of the outbox.
    instance: String,
    recorded: Notify,
    /// Permits to run a transaction. A transaction that waits for one conflicts with no other.
    permits: Semaphore,
    commits: Commits,
    servers: Servers,
    reported: Reported,
}

impl Store {
    pub(crate) fn new(database: Database, servers: Servers) -> Self {
        let instance = ObjectId::new().to_hex();
        let permits = Semaphore::new(CONCURRENT_TRANSACTIONS);
        Self {
            parts: Arc::new(Parts {
                database,
                instance,
                recorded: Notify::new(),
                permits,
                commits: Commits::default(),
                servers,
                reported: Reported::default(),
            }),
        }
    }

    /// The database itself.
    pub fn database(&self) -> &Database {
        &self.parts.database
    }

    /// Another database of the same server, for a tool that reads several.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self::new(self.parts.database.client().database(name), self.parts.servers.clone())
    }

    /// A collection of the database.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.parts.database.collection(name)
    }

    /// Acts until the database answers; warns once for each reason why it does not.
    pub(crate) async fn once_it_answers<T>(&self, what: &str, mut act: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let mut once = WarnOnce::default();
        loop {
            match act().await {
                Err(error) if !is_refusal(&error) => {
                    once.warn(&format_args!("{what}: {}; retrying", self.parts.servers.plain(&error)))
                }
                answer => return answer,
            }
            sleep(RETRY_AFTER).await;
        }
    }

    /// The commits of this process, and what waits for them.
    pub(crate) fn commits(&self) -> &Commits {
        &self.parts.commits
    }

    /// The documents that were reported as not readable.
    pub(crate) fn reported(&self) -> &Reported {
        &self.parts.reported
    }

    pub(crate) fn permits(&self) -> &Semaphore {
        &self.parts.permits
    }

    pub(crate) fn instance(&self) -> &str {
        &self.parts.instance
    }

    /// Wakes the relay of this process, since an event was committed.
    pub(crate) fn wake_relay(&self) {
        self.parts.recorded.notify_one();
    }

    /// Waits until an event is committed in this process.
    pub(crate) async fn recorded(&self) {
        self.parts.recorded.notified().await;
    }
}
