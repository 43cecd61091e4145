//! Stripe's test cards, of which the order page offers some: <https://docs.stripe.com/testing>.

/// A test card.
#[derive(Clone, Copy, Debug)]
pub(super) struct TestCard {
    /// Stripe's name of it, which is sent instead of a number.
    pub(super) token: &'static str,
    pub(super) name: &'static str,
    /// What happens when it is charged.
    pub(super) effect: &'static str,
}

pub(super) const CARDS: [TestCard; 5] = [
    TestCard { token: "tok_visa", name: "Visa", effect: "succeeds" },
    TestCard { token: "tok_mastercard", name: "Mastercard", effect: "succeeds" },
    TestCard { token: "tok_chargeDeclined", name: "Declined card", effect: "is declined" },
    TestCard { token: "tok_chargeDeclinedInsufficientFunds", name: "Empty card", effect: "has no funds" },
    TestCard { token: "tok_chargeDeclinedExpiredCard", name: "Expired card", effect: "has expired" },
];
