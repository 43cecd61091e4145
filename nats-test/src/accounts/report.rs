//! What an instance reports to the lesson, as one line of JSON each.

use serde::{Deserialize, Serialize};

use super::event::Kind;

/// What an instance did with an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The event's number within its account.
    pub number: u64,
    /// What the instance did.
    pub did: Did,
}

/// The outcome of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Did {
    /// The instance has begun, and pauses.
    Hold,
    /// The instance has begun, and waits to be killed.
    WaitForDeath,
    /// An error; the event was not acked.
    Fail,
    /// The event was handled; the account has this amount now.
    Apply(i64),
    /// The event was handled, and its ack was lost.
    ApplyUnacked(i64),
    /// The account does not have enough for the event.
    Refuse(i64),
    /// An earlier event must be handled first; this one is redelivered.
    Wait,
    /// The event was handled before.
    Skip,
}

impl Did {
    /// What happened, for an event of this kind.
    pub(super) fn describe(&self, kind: Kind) -> String {
        match self {
            Self::Hold => format!("is slow with the {kind}"),
            Self::WaitForDeath => format!("dies with the {kind}"),
            Self::Fail => format!("fails with the {kind}: no ack, so it will be redelivered"),
            Self::Apply(amount) => format!("handles the {kind}: holds {amount}"),
            Self::ApplyUnacked(amount) => {
                format!("handles the {kind}: holds {amount}; the ack is lost, so it will be redelivered")
            }
            Self::Refuse(amount) => format!("refuses the {kind}: holds only {amount}"),
            Self::Wait => format!("lets the {kind} wait for the one before"),
            Self::Skip => format!("skips the {kind}: handled before"),
        }
    }
}
