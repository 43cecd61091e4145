//! The concurrency lesson: a bank account, three events, and what can happen to them on the way.
//!
//! Two instances of one service share the events of a queue group: a deposit of 70, a deposit of 40, a withdrawal of
//! 100. Each instance is a process that reads the account from a database, changes it, and writes it back. Whatever
//! happens, the balance should be 10.

mod event;
mod instance;
mod matrix;
mod stage;
mod store;
mod trial;

use clap::ValueEnum;

pub use self::event::{Event, Kind};
pub use self::instance::{Instance, Report};
pub use self::matrix::{Cost, EVENTS, costs, matrix};
pub use self::stage::{Part, Stage, close};
pub use self::trial::{Mishap, Outcome, Place, Trial};

/// What happens to the events on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Nothing: each event is handled before the next one is published
    Success,
    /// The first deposit fails, and comes again
    FailedEvent,
    /// One instance is slow with the first deposit
    SlowInstance,
    /// One instance dies with the first deposit, and nobody notices until the ack wait is over
    DeadClient,
    /// The ack of the second deposit is lost, so it comes again
    Duplicate,
}

/// How a service can guard against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Solution {
    /// Not at all: two instances, each event handled as it comes
    None,
    /// There is only one instance
    SingleInstance,
    /// All instances share the sequence of the last event handled, and handle only the next one
    SharedSequence,
    /// Each account has the sequence of its last event, and each event says which one came before it
    PerAccountSequence,
    /// Each account has a version, and changes from one to the next only
    Versions,
}

impl Scenario {
    /// What makes it happen.
    pub fn mishap(self) -> Mishap {
        match self {
            Self::Success => Mishap::default(),
            Self::FailedEvent => Mishap { fails: Some(1), ..Mishap::default() },
            Self::SlowInstance => Mishap { is_held: Some(1), ..Mishap::default() },
            Self::DeadClient => Mishap { kills: Some(1), ..Mishap::default() },
            Self::Duplicate => Mishap { ack_is_lost: Some(2), ..Mishap::default() },
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        name(self)
    }
}

impl Solution {
    /// How many instances it has.
    pub fn instances(self) -> usize {
        if self == Self::SingleInstance { 1 } else { 2 }
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        name(self)
    }

    /// What an instance reads and writes as one: the account's document, or that of all accounts.
    fn document(self, account: &str) -> &str {
        if self == Self::SharedSequence { "all" } else { account }
    }

    /// What has to wait for what.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::None => "nothing waits",
            Self::SingleInstance => "every event waits for the one instance",
            Self::SharedSequence => "every event waits for the one before it, of whichever account",
            Self::PerAccountSequence | Self::Versions => "an event waits for the one before it of its account",
        }
    }
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
