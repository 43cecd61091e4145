//! The events of the lessons.

use serde::{Deserialize, Serialize};

/// Something that happened to an account, or a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The account or ticket.
    pub account: String,
    /// Number of the event within its account, from 1. It is also the version of the account after the event.
    pub number: u64,
    /// What happened.
    pub kind: Kind,
    /// The stream sequence of the account's event before this one; 0 before the first.
    pub previous: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// This amount was paid in.
    Deposit(i64),
    /// This amount is to be paid out, if the account has it.
    Withdrawal(i64),
    /// The price of the ticket was set to this.
    Price(i64),
}

impl Kind {
    /// The amount after the event; `None` if the account does not have enough.
    pub(super) fn apply(self, amount: i64) -> Option<i64> {
        match self {
            Self::Deposit(more) => Some(amount + more),
            Self::Withdrawal(less) => (amount >= less).then_some(amount - less),
            Self::Price(price) => Some(price),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deposit(amount) => write!(f, "deposit of {amount}"),
            Self::Withdrawal(amount) => write!(f, "withdrawal of {amount}"),
            Self::Price(price) => write!(f, "price {price}"),
        }
    }
}
