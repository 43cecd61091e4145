//! What an error of the database means.

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

/// What the server says when waiting does not help: wrong credentials, missing rights, a name that can't be, an index or a
/// document in the way (`error_codes.yml` of mongod).
const REFUSALS: [i32; 7] = [13, 18, 73, 85, 86, DUPLICATE_KEY, 8000];

/// MongoDB's code for a second document with a unique key.
const DUPLICATE_KEY: i32 = 11000;

/// An error in words that are the same each time: the driver's own tell of all servers and labels, in any order.
pub(crate) fn plain(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::ServerSelection { .. } => "no server answers that takes writes".to_owned(),
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Command(error) => error.message.clone(),
        kind => kind.to_string(),
    }
}

/// Whether the error says nothing of what was asked, but of the database: it is away, or has too much to do.
pub(crate) fn is_passing(error: &Error) -> bool {
    let is_away = matches!(
        &*error.kind,
        ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    );
    is_away || error.contains_label(TRANSIENT_TRANSACTION_ERROR) || error.get_custom::<NoRoom>().is_some()
}

/// Too many transactions are under way.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many transactions wait for the database")]
pub(crate) struct NoRoom;

/// Whether waiting does not help.
pub(crate) fn is_refusal(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Authentication { .. } | ErrorKind::InvalidArgument { .. } => true,
        ErrorKind::Command(error) => REFUSALS.contains(&error.code),
        _ => false,
    }
}

/// Whether a document with this unique key is there already.
pub fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY)
}
