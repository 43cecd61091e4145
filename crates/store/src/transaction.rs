//! Transactions: all of it, or nothing.

use std::time::Duration;

use mongodb::ClientSession;
use mongodb::error::{Error, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::Store;
use crate::connection::durable;
use crate::error::NoRoom;
use bus::crash::point;

/// How long a transaction is tried again that conflicts with others, or whose database is away.
const TRIED_FOR: Duration = Duration::from_secs(5);

/// The longest pause before the second attempt; it doubles with each one after it.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A transaction that is under way: `collection.insert_one(ticket).session(&mut *tx)`.
///
/// It sees the state as it was when it began, and what it has written itself.
#[derive(Debug)]
pub struct Tx {
    session: ClientSession,
    store: Store,
    has_recorded: bool,
}

/// Why the work of a transaction was given up: the error knows whether the database is behind it.
pub trait Aborted: From<Error> {
    /// The database's error, if it is one.
    fn database_error(&self) -> Option<&Error>;
}

impl Aborted for Error {
    fn database_error(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Aborted for anyhow::Error {
    fn database_error(&self) -> Option<&Error> {
        self.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl<'a> From<&'a mut Tx> for &'a mut ClientSession {
    fn from(tx: &'a mut Tx) -> Self {
        &mut tx.session
    }
}

impl Store {
    /// Runs the work in a transaction and commits it; an error undoes all of it.
    ///
    /// The work is done again when it conflicts with another transaction, or the database was away meanwhile, until
    /// that has gone on for 5 s. So it must change nothing but the database.
    ///
    /// # Errors
    ///
    /// The work's own, and the database's.
    pub async fn transaction<T, E: Aborted>(
        &self,
        mut work: impl AsyncFnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let room = timeout(TRIED_FOR, self.room().acquire()).await;
        let _room = room.map_err(|_| Error::custom(NoRoom))?;
        let give_up = Instant::now() + TRIED_FOR;
        let mut pause = PAUSE;
        loop {
            let mut tx = Tx::begin(self).await?;
            let error = match work(&mut tx).await {
                Ok(value) => match tx.commit(give_up).await {
                    Ok(()) => return Ok(value),
                    Err(error) => error.into(),
                },
                Err(error) => {
                    tx.abort().await;
                    error
                }
            };
            let is_transient =
                error.database_error().is_some_and(|error| error.contains_label(TRANSIENT_TRANSACTION_ERROR));
            if !is_transient || Instant::now() >= give_up {
                return Err(error);
            }
            sleep(pause.mul_f64(rand::random())).await; // those that conflict should not meet again
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Tx {
    async fn begin(store: &Store) -> Result<Self> {
        let mut session = store.database().client().start_session().await?;
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::snapshot())
            .write_concern(durable())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        session.start_transaction().with_options(options).await?;
        point("transaction-begun");
        Ok(Self { session, store: store.clone(), has_recorded: false })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The relay is to be woken when this is committed.
    pub(crate) fn has_recorded(&mut self) {
        self.has_recorded = true;
    }

    /// Asks until the answer is known: a database that was killed while it committed knows afterwards whether it has.
    async fn commit(mut self, give_up: Instant) -> Result<()> {
        point("transaction-before-commit");
        while let Err(error) = self.session.commit_transaction().await {
            if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) || Instant::now() >= give_up {
                return Err(error);
            }
            sleep(PAUSE).await;
        }
        point("transaction-committed");
        if self.has_recorded {
            self.store.wake_relay();
        }
        Ok(())
    }

    /// Frees what it has locked now, and not when the server forgets the transaction.
    async fn abort(mut self) {
        if let Err(error) = self.session.abort_transaction().await {
            tracing::debug!("a transaction was not aborted in order: {error}");
        }
    }
}
