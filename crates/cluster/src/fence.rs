//! What keeps publications of an old term from readers.

use crate::epoch::Epoch;

/// The greatest epoch that a reader has seen; it admits no publication of an earlier term.
///
/// A leader ends its term by its own clock. A leader that was frozen together with its clock does not know how late it is, and
/// publishes once more: this is what stops it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fence(Epoch);

impl Fence {
    /// The greatest epoch that was asked for; 0 if none was.
    pub fn newest(&self) -> Epoch {
        self.0
    }

    /// Whether a publication of this term may reach the reader; `false` once one of a later term was admitted.
    #[must_use = "a publication that is not admitted must be dropped"]
    pub fn admits(&mut self, epoch: Epoch) -> bool {
        self.0 = self.0.max(epoch);
        self.0 == epoch
    }
}
