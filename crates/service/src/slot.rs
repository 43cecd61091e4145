//! The handle of a child that may be away.

use tokio::sync::watch;

use crate::tree::Path;

/// The place where others find a child's current handle: filled while the child is ready, empty otherwise.
///
/// A restarted child comes with one ([`Child::start`](crate::Child)); [`Slot::empty`] makes one for a child that is
/// started later than those who use it.
#[derive(Clone, Debug)]
pub struct Slot<H> {
    path: Path,
    current: watch::Receiver<Option<H>>,
}

/// Fills and empties a [`Slot`]. Once the setter is dropped, its slot stays empty.
///
/// A parent that keeps the setter in its body therefore empties the slot when the body returns: before its children
/// are asked to stop.
#[derive(Debug)]
pub struct SlotSetter<H> {
    current: watch::Sender<Option<H>>,
}

/// A child is not ready now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not ready")]
pub struct NotReady(pub Path);

impl<H: Clone> Slot<H> {
    pub(crate) fn new(path: Path, current: watch::Receiver<Option<H>>) -> Self {
        Self { path, current }
    }

    /// An empty slot for the handle of `parent`'s child `name`, and the half that fills it.
    pub fn empty(parent: &Path, name: &str) -> (SlotSetter<H>, Self) {
        let (current, slot) = watch::channel(None);
        (SlotSetter { current }, Self::new(parent.child(name), slot))
    }

    /// The handle, if the child is ready now.
    ///
    /// # Errors
    ///
    /// If the child is not ready.
    pub fn get(&self) -> Result<H, NotReady> {
        let handle = self.current.borrow().clone();
        self.unless_abandoned(handle)
    }

    /// Waits until the child is ready.
    ///
    /// # Errors
    ///
    /// If the child is not ready, and will not be started again.
    pub async fn wait(&self) -> Result<H, NotReady> {
        let mut current = self.current.clone();
        // What was found, not what is there a moment later: the child may have begun to end.
        let found = current.wait_for(Option::is_some).await.ok().and_then(|handle| handle.clone());
        self.unless_abandoned(found)
    }

    fn unless_abandoned(&self, handle: Option<H>) -> Result<H, NotReady> {
        let abandoned = self.current.has_changed().is_err(); // nobody is left to fill it
        handle.filter(|_| !abandoned).ok_or_else(|| NotReady(self.path.clone()))
    }
}

impl<H> SlotSetter<H> {
    /// Puts in the handle of a child that is ready now, in place of an earlier one.
    pub fn set(&self, handle: H) {
        self.current.send_replace(Some(handle));
    }

    /// Takes the handle out: the child is not ready any more.
    pub fn clear(&self) {
        self.current.send_replace(None);
    }
}
