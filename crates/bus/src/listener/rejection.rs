//! Why an event is not handled.

use events::RecordKey;
use time::OffsetDateTime;

/// Why an event is not handled. Nothing of what was done in the transaction remains.
///
/// `?` on any error means [`Rejection::Retry`]; therefore this type is not an error itself.
#[derive(Debug)]
pub enum Rejection {
    /// Something failed that may succeed later: the event is redelivered with growing pauses. After too many
    /// [attempts](crate::Limits::attempts) it becomes a dead letter.
    Retry(anyhow::Error),
    /// An earlier event has not arrived yet: this one waits for a record, and is handled as soon as the record has the
    /// version. That is not counted as a failure. When it has waited for [too long](crate::Limits::wait), it becomes a
    /// dead letter.
    NotYet(Awaited),
    /// The event came before its time, by this process's clock, which need not be the clock that sent it: it is redelivered
    /// at that time. That is not counted as a failure.
    NotBefore(OffsetDateTime),
    /// The event can never be handled: it becomes a dead letter immediately.
    Discard(anyhow::Error),
}

/// What an event waits for: a record of the service's own database, and how far the record must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The record.
    pub record: RecordKey,
    /// The version that the record must have, or a later one; 0 if it only must exist.
    pub version: u64,
}

impl Rejection {
    /// The event waits until the record has this version.
    pub fn until(record: impl Into<RecordKey>, version: u64) -> Self {
        Self::NotYet(Awaited { record: record.into(), version })
    }

    /// The event waits until the record exists.
    pub fn until_it_exists(record: impl Into<RecordKey>) -> Self {
        Self::until(record, 0)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}
