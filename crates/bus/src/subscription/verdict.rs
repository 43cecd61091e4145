//! What a handler decides about a message.

use std::time::Duration;

use crate::Failures;

/// When a message is redelivered, to another member, that a stopping member had fetched but not begun.
///
/// Not immediately: in a cluster it takes a moment until every server knows that the member has unsubscribed. Handlers that
/// return a message because of a stop use it too.
pub const RETURN_DELAY: Duration = Duration::from_millis(150);

/// What a handler decides about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is handled: never deliver it to this group again.
    Ack,
    /// The message is not handled yet: redeliver it after this time.
    Nak(Duration),
    /// The message can't be handled: store it among the dead letters, and never deliver it to this group again.
    DeadLetter {
        /// Why it can't be handled.
        reason: String,
        /// The failed attempts to handle it, if any were counted.
        failures: Failures,
    },
    /// No answer: the broker redelivers the message after the ack wait.
    Leave,
}

impl Verdict {
    /// A dead letter for this reason, without counted failures.
    pub fn dead_letter(reason: impl Into<String>) -> Self {
        Self::DeadLetter { reason: reason.into(), failures: Failures::default() }
    }
}
