//! What an error of the database means.

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

/// The codes of errors that waiting does not resolve: wrong credentials, missing rights, an invalid name, a conflicting
/// index or document (`error_codes.yml` of mongod).
const REFUSALS: [i32; 7] = [13, 18, 73, 85, 86, DUPLICATE_KEY, 8000];

/// MongoDB's code for a second document with a unique key.
const DUPLICATE_KEY: i32 = 11000;

/// An error in words that are the same each time. The driver's own words name all servers and labels, in any order.
pub(crate) fn plain(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::ServerSelection { .. } => "no server answers that takes writes".to_owned(),
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Command(error) => error.message.clone(),
        kind => kind.to_string(),
    }
}

/// Whether the error is trouble of the database, which is away or overloaded, and not of the operation.
pub(crate) fn is_passing(error: &Error) -> bool {
    let is_away = matches!(
        &*error.kind,
        ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    );
    is_away || error.contains_label(TRANSIENT_TRANSACTION_ERROR) || error.get_custom::<TooManyTransactions>().is_some()
}

/// No transaction could begin in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many transactions are waiting for the database")]
pub(crate) struct TooManyTransactions;

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
