//! Values that others follow.

use tokio::sync::watch;

/// Replaces the value, and wakes those who wait if it is another one.
pub(crate) fn replace<T: PartialEq>(watched: &watch::Sender<T>, value: T) {
    watched.send_if_modified(|current| {
        let is_other = *current != value;
        *current = value;
        is_other
    });
}
