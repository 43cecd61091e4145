//! The handle of a service, promised to whoever starts it.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::lock::lock;

/// What a promise is answered with: the handle, or the error that came instead.
pub(crate) type Answer<H> = Result<H, Error>;

/// The promise of one handle. It is answered once.
///
/// Shared, since the scope (inside the body) keeps it, and the task around the body answers it if the body never did.
#[derive(Debug)]
pub(crate) struct Promise<H>(Arc<Mutex<Option<oneshot::Sender<Answer<H>>>>>);

impl<H> Promise<H> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Answer<H>>) {
        let (sender, answer) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), answer)
    }

    pub(crate) fn is_answered(&self) -> bool {
        lock(&self.0).is_none()
    }

    /// Answers it; returns the answer if it has one already, or if nobody waits for it any more.
    pub(crate) fn answer(&self, answer: Answer<H>) -> Result<(), Unanswered<H>> {
        match lock(&self.0).take() {
            None => Err(Unanswered::Already),
            Some(sender) => sender.send(answer).map_err(Unanswered::Unwanted),
        }
    }
}

/// Why an answer was not delivered.
#[derive(Debug)]
pub(crate) enum Unanswered<H> {
    /// The promise was answered before.
    Already,
    /// Nobody waits for the answer any more.
    Unwanted(Answer<H>),
}

// Written out, since a derive would demand `H: Clone`.
impl<H> Clone for Promise<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
