//! Something that must outlive the services that are started after it.

use service::{Error, Scope, Service};

/// A data folder, say, or the lock on it: dropped when this service stops, and so after everything started later.
pub(crate) struct Kept<T>(pub(crate) T);

impl<T: Send + 'static> Service for Kept<T> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        scope.stopping().await;
        drop(self.0);
        Ok(())
    }
}
