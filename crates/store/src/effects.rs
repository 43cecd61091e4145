//! A database as the place where the effects of listeners are stored.

use std::sync::Arc;

use anyhow::anyhow;
use bus::crash::point;
use bus::{Awaited, Effects, Failures, Listener, Rejection};
use mongodb::error::Error as DatabaseError;
use service::Error;

use crate::error::{is_passing, plainly};
use crate::inbox::Inbox;
use crate::{Aborted, Store, Tx, waiting};

/// Why the transaction of a listener was aborted.
enum AbortReason {
    HandledBefore,
    Rejected(Rejection),
}

impl From<DatabaseError> for AbortReason {
    fn from(error: DatabaseError) -> Self {
        Self::Rejected(error.into())
    }
}

impl Aborted for AbortReason {
    fn database_error(&self) -> Option<&DatabaseError> {
        match self {
            Self::Rejected(Rejection::Retry(error)) => error.database_error(),
            Self::Rejected(_) | Self::HandledBefore => None,
        }
    }
}

/// The effects of a listener and the note in the inbox that the event is handled are one transaction.
impl Effects for Store {
    type Tx = Tx;

    async fn open(&self, _: &'static str) -> Result<(), Error> {
        Inbox::prepare(self).await?;
        waiting::prepare(self).await
    }

    async fn apply<L: Listener<Effects = Self>>(
        &self,
        listener: Arc<L>,
        event_id: String,
        event: Arc<L::Event>,
    ) -> Result<(), Rejection> {
        let inbox = Inbox::of(self, L::QUEUE_GROUP);
        let work = async move |tx: &mut Tx| {
            if !inbox.note(&event_id, tx).await? {
                return Err(AbortReason::HandledBefore);
            }
            point("listener-noted");
            match listener.on_message(&event, tx).await {
                Err(Rejection::NotYet(awaited)) => return Err(not_yet(awaited, tx).await?),
                handled => handled.map_err(AbortReason::Rejected)?,
            }
            point("listener-handled");
            Ok(())
        };
        match self.transaction(work).await {
            Ok(()) | Err(AbortReason::HandledBefore) => Ok(()),
            Err(AbortReason::Rejected(Rejection::Retry(error))) => Err(Rejection::Retry(plainly(error))),
            Err(AbortReason::Rejected(rejection)) => Err(rejection),
        }
    }

    fn is_outage(&self, error: &Error) -> bool {
        error.database_error().is_some_and(is_passing)
    }

    async fn failed(&self, group: &'static str, event_id: &str, error: &str) -> Result<Failures, Error> {
        Inbox::of(self, group).failed(event_id, error).await.map_err(|error| plainly(error.into()))
    }
}

/// The event waits for a record. One that waits for what the record has already would wait for ever: that is a failure.
async fn not_yet(awaited: Awaited, tx: &mut Tx) -> Result<AbortReason, DatabaseError> {
    let Awaited { record, version } = awaited;
    let has = waiting::version_in(tx, record).await?;
    let rejection = match has.filter(|has| *has >= version) {
        Some(has) => {
            Rejection::Retry(anyhow!("the event waits for version {version} of {record}, which has version {has}"))
        }
        None => Rejection::NotYet(awaited),
    };
    Ok(AbortReason::Rejected(rejection))
}
