//! Handlers that only wait.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the handlers of a subscription that only wait: for the turn of their record, or for an earlier event.
///
/// They are in flight, so the broker is informed about their messages, but they use none of the subscription's
/// [concurrency](super::Consumer::concurrency), and other messages are requested in the meantime. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Parking(Arc<watch::Sender<usize>>);

/// A handler that waits, until this is dropped.
#[derive(Debug)]
pub(crate) struct Parked(Parking);

impl Default for Parking {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Parking {
    /// Counts the caller among the handlers that wait.
    pub(crate) fn park(&self) -> Parked {
        self.0.send_modify(|count| *count += 1);
        Parked(self.clone())
    }

    /// How many handlers wait.
    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Reports every change of the count.
    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
