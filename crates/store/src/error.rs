//! What an error of the database means.

use std::fmt;

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

/// The codes of errors that waiting does not resolve: wrong credentials, missing rights, an invalid name, a conflicting
/// index or document, or too many indexes (`error_codes.yml` of mongod).
const REFUSALS: [i32; 8] = [13, 18, 67, 73, 85, 86, DUPLICATE_KEY, 8000];

/// MongoDB's code for a second document with a unique key.
pub(crate) const DUPLICATE_KEY: i32 = 11000;

/// MongoDB's code for a transaction that writes what another one has written.
const WRITE_CONFLICT: i32 = 112;

/// An error in words that are the same each time, in one line. The driver's own words name all servers and labels, in any
/// order, and contain the bytes of the server's answer.
pub(crate) fn plain(error: &Error) -> String {
    let words = match &*error.kind {
        ErrorKind::ServerSelection { .. } => "no server answers that takes writes".to_owned(),
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Command(error) => error.message.clone(),
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.message.clone(),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => error.message.clone(),
        ErrorKind::Custom(error) => match error.downcast_ref::<Busy>() {
            Some(busy) => busy.to_string(),
            None => error.downcast_ref().cloned().unwrap_or_else(|| "failed".to_owned()),
        },
        kind => kind.to_string(),
    };
    words.lines().collect::<Vec<_>>().join(" ")
}

/// An error with its causes in one line, in which errors of the database are in plain words.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut words = Vec::new();
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<Error>() {
            words.push(plain(error)); // its own causes say nothing more
            break;
        }
        words.push(cause.to_string());
    }
    words.join(": ")
}

/// Logs that a task has failed and is tried again: as a warning, or at the info level if the database is away or too slow,
/// which its connection reports once for all tasks.
pub fn report(what: &dyn fmt::Display, error: &anyhow::Error) {
    let is_reported = error.chain().filter_map(|cause| cause.downcast_ref()).any(is_passing);
    if is_reported {
        tracing::info!("{what}: {}", in_words(error));
    } else {
        tracing::warn!("{what}: {}", in_words(error));
    }
}

/// The same error; if the database has caused it, it is shown in one line, as by [`in_words`].
pub fn plainly(error: anyhow::Error) -> anyhow::Error {
    let is_of_the_database = error.chain().any(|cause| cause.is::<Error>());
    if is_of_the_database { InWords(error).into() } else { error }
}

/// An error that is shown in one line, and can still be examined.
#[derive(Debug)]
pub(crate) struct InWords(pub(crate) anyhow::Error);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(&self.0))
    }
}

impl std::error::Error for InWords {}

/// Whether the error is trouble of the database, which is away or overloaded, and not of the operation.
pub(crate) fn is_passing(error: &Error) -> bool {
    let is_away = matches!(
        &*error.kind,
        ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    );
    is_away || error.contains_label(TRANSIENT_TRANSACTION_ERROR) || is_busy(error)
}

/// The database did not do what it was asked for in time, since it is overloaded or blocks writes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Busy {
    /// No transaction could begin.
    #[error("the database is busy: too many transactions wait for it")]
    Transactions,
    /// A transaction conflicted with others again and again.
    #[error("the database is busy: other transactions change the same documents all the time")]
    Conflicts,
    /// An operation, or a transaction as a whole, took too long.
    #[error("the database is busy: it has not answered in time")]
    Slow,
}

/// Whether the database was too slow or had too much to do: the same request may succeed later.
pub fn is_busy(error: &Error) -> bool {
    error.get_custom::<Busy>().is_some()
}

/// Whether a transaction has conflicted with another one.
pub(crate) fn is_conflict(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(error) if error.code == WRITE_CONFLICT)
}

/// Whether waiting does not resolve the error.
pub(crate) fn is_refusal(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Authentication { .. } | ErrorKind::InvalidArgument { .. } => true,
        ErrorKind::Command(error) => REFUSALS.contains(&error.code),
        _ => false,
    }
}

/// Whether there is already a document with this unique key.
pub fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY)
}
