//! What makes a type an event.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{AggregateRef, Subject};

/// A message that services exchange: the type is the payload, as JSON.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The subject that the event is published on.
    const SUBJECT: Subject;

    /// The record that the event is about.
    fn aggregate(&self) -> AggregateRef;
}

/// An event without a state behind it, which a service may therefore publish directly.
///
/// All other events are recorded in an outbox, in the transaction that changes the state they report.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reports a change of state, so a service can't publish it directly",
    label = "record it in an `Outbox<{Self}>`, in the transaction that changes the state",
    note = "a publisher is for events without a state behind them: those that implement `Direct`"
)]
pub trait Direct: Event {}
