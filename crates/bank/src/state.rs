//! What the handlers share.

use service::settings::Secret;
use store::Store;

use crate::books::Books;
use crate::faults::Faults;
use crate::keys::Keys;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) books: Books,
    pub(crate) keys: Keys,
    /// The key of the account.
    pub(crate) secret: Secret,
    /// The id of the account: another one for each set of books.
    pub(crate) account: String,
    /// The faults that are to happen, if they can be ordered.
    pub(crate) faults: Option<Faults>,
}
