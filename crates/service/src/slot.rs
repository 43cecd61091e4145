//! The handle of a child that is restarted.

use tokio::sync::watch;

use crate::tree::Path;

/// The current handle of a restarted child: present while the child is ready, absent while the child is started again.
#[derive(Clone, Debug)]
pub struct Slot<H> {
    path: Path,
    current: watch::Receiver<Option<H>>,
}

/// A child is not ready now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not ready")]
pub struct NotReady(pub Path);

impl<H: Clone> Slot<H> {
    pub(crate) fn new(path: Path, current: watch::Receiver<Option<H>>) -> Self {
        Self { path, current }
    }

    /// The handle, if the child is ready now.
    ///
    /// # Errors
    ///
    /// If the child is not ready.
    pub fn get(&self) -> Result<H, NotReady> {
        let gone = self.current.has_changed().is_err(); // the supervisor has ended
        self.current.borrow().clone().filter(|_| !gone).ok_or_else(|| NotReady(self.path.clone()))
    }

    /// Waits until the child is ready.
    ///
    /// # Errors
    ///
    /// If the child is not ready, and will not be started again.
    pub async fn wait(&self) -> Result<H, NotReady> {
        self.current.clone().wait_for(Option::is_some).await.ok();
        self.get()
    }
}
