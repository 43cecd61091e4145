//! The events of the lessons.

use serde::{Deserialize, Serialize};

/// Something that happened to an account, or a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose.
    pub account: String,
    /// Which one of this account; 1 is the first. The publisher's version of the account after it.
    pub number: u64,
    /// What.
    pub kind: Kind,
    /// The stream sequence of the account's event before this one; 0 before the first.
    pub previous: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// So much was paid in.
    Deposit(i64),
    /// So much is to be paid out, if it is there.
    Withdrawal(i64),
    /// The ticket's price is this now.
    Price(i64),
}

impl Kind {
    /// The amount after it; nothing when it can't be.
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
