//! What can go wrong, and how a service can guard against it.

use clap::{Args, ValueEnum};

/// What happens to the events on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Nothing: each event is handled before the next one is published
    Success,
    /// The first deposit fails, and is redelivered
    FailedEvent,
    /// One instance is slow with the first deposit
    SlowInstance,
    /// One instance dies with the first deposit, and nobody notices until the ack wait is over
    DeadClient,
    /// The ack of the second deposit is lost, so it is redelivered
    Duplicate,
}

/// How a service can guard against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Solution {
    /// Not at all: two instances handle each event as it arrives
    None,
    /// There is only one instance
    SingleInstance,
    /// All instances share the sequence of the last event handled, and handle only the next one
    SharedSequence,
    /// Each account has the sequence of its last event, and each event has the sequence of the one before it
    PerAccountSequence,
    /// Each account has a version, and changes only from one version to the next
    Versions,
}

/// What goes wrong, by the number of the event that it happens to, at its first delivery.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mishap {
    /// Handling this event ends with an error.
    #[arg(long)]
    pub fails: Option<u64>,
    /// The instance that receives this event pauses until all others are done.
    #[arg(long)]
    pub is_held: Option<u64>,
    /// The instance that receives this event is killed.
    #[arg(long)]
    pub kills: Option<u64>,
    /// This event is handled, but its ack does not arrive.
    #[arg(long)]
    pub ack_is_lost: Option<u64>,
}

impl Scenario {
    /// What makes the scenario happen.
    pub fn mishap(self) -> Mishap {
        match self {
            Self::Success => Mishap::default(),
            Self::FailedEvent => Mishap { fails: Some(1), ..Mishap::default() },
            Self::SlowInstance => Mishap { is_held: Some(1), ..Mishap::default() },
            Self::DeadClient => Mishap { kills: Some(1), ..Mishap::default() },
            Self::Duplicate => Mishap { ack_is_lost: Some(2), ..Mishap::default() },
        }
    }

    /// The name of the scenario on the command line.
    pub fn name(self) -> String {
        name(self)
    }
}

impl Solution {
    /// How many instances the service has.
    pub fn instances(self) -> usize {
        if self == Self::SingleInstance { 1 } else { 2 }
    }

    /// The name of the solution on the command line.
    pub fn name(self) -> String {
        name(self)
    }

    /// The name of the document that an instance reads and writes: the account's, or the one of all accounts.
    pub(super) fn document(self, account: &str) -> &str {
        if self == Self::SharedSequence { "all" } else { account }
    }

    /// Which events have to wait for which.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::None => "nothing waits",
            Self::SingleInstance => "every event waits for the one instance",
            Self::SharedSequence => "every event waits for the one before it, of any account",
            Self::PerAccountSequence | Self::Versions => "an event waits for the one before it of its account",
        }
    }
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
