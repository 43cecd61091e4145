//! What must hold at the end of a run, and what is reported when it does not.

use std::fmt;

/// What must hold at the end of every run, whatever was injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Everything settles: all events are published and handled, no order outlives its window, no instance has ended.
    Settled,
    /// Every acknowledged operation is in the database.
    Acknowledged,
    /// The stream contains an event for every recorded change, and no other events.
    Published,
    /// Every event was handled by every group that keeps an inbox, and took effect once.
    HandledOnce,
    /// Every projection equals the record it is a copy of.
    Projections,
    /// A ticket has at most one live order at any time.
    OneLiveOrder,
    /// A ticket is reserved by its live order, and by no other.
    Reservation,
    /// The versions of a record have no gap and no duplicate.
    Versions,
    /// A record that can't be handled delays no other.
    Independent,
    /// Nobody who watches the tickets live sees a version go back, or misses the last one.
    Live,
    /// At most one intent of an order is charged, it succeeds at most once, and no attempt reaches the card twice.
    ChargedOnce,
    /// What was charged is the price of a complete order, or was refunded, or its refund has failed and is reported.
    PaidOrRefunded,
    /// A complete order was charged, and the buyer was charged what the order shows.
    CompleteIsPaid,
    /// A payment is refunded at most once, and by what was charged at most.
    RefundedOnce,
    /// The balance of the bank is what the complete orders and the failed refunds say.
    Balance,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 15] = [
        Self::Settled,
        Self::Acknowledged,
        Self::Published,
        Self::HandledOnce,
        Self::Projections,
        Self::OneLiveOrder,
        Self::Reservation,
        Self::Versions,
        Self::Independent,
        Self::Live,
        Self::ChargedOnce,
        Self::PaidOrRefunded,
        Self::CompleteIsPaid,
        Self::RefundedOnce,
        Self::Balance,
    ];

    /// The name in reports and in the patches of the seeded bugs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Acknowledged => "acknowledged",
            Self::Published => "published",
            Self::HandledOnce => "handled-once",
            Self::Projections => "projections",
            Self::OneLiveOrder => "one-live-order",
            Self::Reservation => "reservation",
            Self::Versions => "versions",
            Self::Independent => "independent",
            Self::Live => "live",
            Self::ChargedOnce => "charged-once",
            Self::PaidOrRefunded => "paid-or-refunded",
            Self::CompleteIsPaid => "complete-is-paid",
            Self::RefundedOnce => "refunded-once",
            Self::Balance => "balance",
        }
    }

    /// The invariant of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|invariant| invariant.name() == name)
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) text: String,
    /// The ids of the tickets, orders and events concerned.
    pub(crate) about: Vec<String>,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, about: &[&str], text: impl fmt::Display) -> Self {
        Self { invariant, text: text.to_string(), about: about.iter().map(|id| (*id).to_owned()).collect() }
    }
}
