//! Transactions: all changes of a piece of work are committed together, or none is.
//!
//! A change, the events that report it and the note that an event was handled must never be separated, so everything that
//! a service writes is one MongoDB transaction. Its guarantees are set here and not left to defaults: snapshot reads, and
//! writes on the disks of most members before the commit is confirmed.
//!
//! Concurrent transactions on one document conflict, and the later one fails. Instead of locks there is a retry: the work
//! is a closure that is called again with a new transaction, which is why it may change nothing but the database. A commit
//! whose outcome is unknown, since the server was killed, is repeated until the outcome is known. A semaphore bounds how
//! many transactions run at the same time, because above a number retries only cause more conflicts.

use std::time::Duration;

use bus::crash::point;
use events::RecordKey;
use mongodb::ClientSession;
use mongodb::error::{Error, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::Store;
use crate::connection::durable;
use crate::error::{Busy, InWords, is_conflict, plain};

/// How long a transaction is retried that conflicts with others, or whose database is away.
const RETRIED_FOR: Duration = Duration::from_secs(5);

/// How long a transaction may take as a whole, the wait for its turn aside: a database that blocks must not keep it.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The limits of the pause between two attempts, which doubles with each attempt and is shortened at random.
const MIN_PAUSE: Duration = Duration::from_millis(4);
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// A running transaction: `collection.insert_one(ticket).session(&mut *tx)`.
///
/// It reads the state as it was when the transaction began, and its own writes.
#[derive(Debug)]
pub struct Tx {
    session: ClientSession,
    store: Store,
    has_recorded: bool,
    written: Vec<(RecordKey, u64)>,
}

/// An error that aborts a transaction, and that shows whether it is an error of the database.
pub trait Aborted: From<Error> {
    /// The error of the database, if it is the cause.
    fn database_error(&self) -> Option<&Error>;
}

impl Aborted for Error {
    fn database_error(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Aborted for anyhow::Error {
    fn database_error(&self) -> Option<&Error> {
        self.chain().find_map(|cause| match cause.downcast_ref::<InWords>() {
            Some(InWords(error)) => error.database_error(),
            None => cause.downcast_ref(),
        })
    }
}

impl<'a> From<&'a mut Tx> for &'a mut ClientSession {
    fn from(tx: &'a mut Tx) -> Self {
        &mut tx.session
    }
}

impl Store {
    /// Calls `work` with a transaction and commits it; if `work` fails, nothing is changed.
    ///
    /// `work` is called again if it conflicts with another transaction or the database was away, for 5 s at most.
    /// Therefore it must change nothing but the database.
    ///
    /// # Errors
    ///
    /// Those of `work` and of the database; one that [`is_busy`](crate::is_busy) when no transaction can begin within 5 s,
    /// since too many are running, when this one conflicts with others for 5 s, or when it takes longer than 10 s. In the latter case it is broken off, and unless
    /// its commit was on its way, nothing is changed.
    pub async fn transaction<T, E: Aborted>(
        &self,
        work: impl AsyncFnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let permit = timeout(RETRIED_FOR, self.permits().acquire()).await;
        let _permit = permit.map_err(|_| Error::custom(Busy::Transactions))?;
        let done = timeout(ENDS_WITHIN, self.try_until_committed(work)).await;
        done.unwrap_or_else(|_| Err(Error::custom(Busy::Slow).into()))
    }

    async fn try_until_committed<T, E: Aborted>(
        &self,
        mut work: impl AsyncFnMut(&mut Tx) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let give_up = Instant::now() + RETRIED_FOR;
        let mut pause = MIN_PAUSE;
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
            if !is_transient {
                return Err(error);
            }
            if Instant::now() >= give_up {
                let is_conflict = error.database_error().is_some_and(is_conflict);
                return Err(if is_conflict { Error::custom(Busy::Conflicts).into() } else { error });
            }
            sleep(pause.mul_f64(rand::random())).await; // at random, so that the same two do not conflict again
            pause = (pause * 2).min(MAX_PAUSE);
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
        Ok(Self { session, store: store.clone(), has_recorded: false, written: Vec::new() })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Lets the commit wake the relay.
    pub(crate) fn has_recorded(&mut self) {
        self.has_recorded = true;
    }

    /// The transaction brings a record to this version: its commit wakes the events that wait for it.
    ///
    /// An [`Outbox`](crate::Outbox) and a [`Projection`](crate::Projection) report what they write themselves.
    pub fn wrote(&mut self, record: impl Into<RecordKey>, version: u64) {
        self.written.push((record.into(), version));
    }

    /// Commits, and repeats that until the outcome is known: a database that was killed during a commit knows the outcome
    /// when it is back.
    async fn commit(mut self, give_up: Instant) -> Result<()> {
        point("transaction-before-commit");
        while let Err(error) = self.session.commit_transaction().await {
            if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) || Instant::now() >= give_up {
                return Err(error);
            }
            sleep(MIN_PAUSE).await;
        }
        point("transaction-committed");
        if self.has_recorded {
            self.store.wake_relay();
        }
        self.store.commits().wrote(&self.written);
        Ok(())
    }

    /// Releases its locks immediately, and not only when the server's limit for transactions is over.
    async fn abort(mut self) {
        if let Err(error) = self.session.abort_transaction().await {
            tracing::debug!("failed to abort a transaction: {}", plain(&error));
        }
    }
}
