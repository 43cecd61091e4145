//! The store as its users hold it.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::oid::ObjectId;
use mongodb::error::Result;
use mongodb::{Collection, Database, IndexModel};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use crate::error::{is_refusal, plain};
use telemetry::WarnOnce;

/// The pause between two attempts to reach a database that is away.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How many transactions are under way at once. With more, those on one record spend their time on conflicts.
const AT_ONCE: usize = 16;

/// A service's own database, ready for use. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Store {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    database: Database,
    /// Whose rows of the outbox are ours.
    instance: String,
    recorded: Notify,
    /// Room for transactions: those that wait here conflict with nobody.
    room: Semaphore,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        let instance = ObjectId::new().to_hex();
        Self { parts: Arc::new(Parts { database, instance, recorded: Notify::new(), room: Semaphore::new(AT_ONCE) }) }
    }

    /// The database itself.
    pub fn database(&self) -> &Database {
        &self.parts.database
    }

    /// Another database of the same server, for a tool that looks into several.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self::new(self.parts.database.client().database(name))
    }

    /// One of its collections.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.parts.database.collection(name)
    }

    /// Makes an index, however long the database is away: wait for it beside the request to stop.
    ///
    /// # Errors
    ///
    /// When the database refuses it: another index has this name, or the documents that are there do not allow it.
    pub async fn ensure_index(&self, collection: &str, index: IndexModel) -> Result<()> {
        let collection: Collection<()> = self.collection(collection);
        let what = format!("making an index of {}", collection.namespace());
        self.once_it_answers(&what, async move || collection.create_index(index.clone()).await).await?;
        Ok(())
    }

    /// Tries until the database answers.
    pub(crate) async fn once_it_answers<T>(&self, what: &str, mut act: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let mut once = WarnOnce::default();
        loop {
            match act().await {
                Err(error) if !is_refusal(&error) => {
                    once.warn(&format_args!("{what}: {}; waiting for it", plain(&error)))
                }
                answer => return answer,
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    pub(crate) fn room(&self) -> &Semaphore {
        &self.parts.room
    }

    pub(crate) fn instance(&self) -> &str {
        &self.parts.instance
    }

    /// Tells the relay of this process that something was recorded.
    pub(crate) fn wake_relay(&self) {
        self.parts.recorded.notify_one();
    }

    pub(crate) async fn recorded(&self) {
        self.parts.recorded.notified().await;
    }
}
