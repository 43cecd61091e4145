//! Why an event is not handled.

/// Why an event is not handled. Nothing of what was done in the transaction remains.
///
/// `?` on any error means [`Rejection::Retry`]; therefore this type is not an error itself.
#[derive(Debug)]
pub enum Rejection {
    /// Something failed that may succeed later: the event is redelivered with growing pauses. After too many
    /// [attempts](crate::Limits::attempts) it becomes a dead letter.
    Retry(anyhow::Error),
    /// An earlier event has not arrived yet: this one is redelivered soon, which is not counted as a failure. When it has
    /// waited for [too long](crate::Limits::wait), it becomes a dead letter.
    NotYet,
    /// The event can never be handled: it becomes a dead letter immediately.
    Discard(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}
