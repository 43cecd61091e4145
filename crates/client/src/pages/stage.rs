//! How far an order is, of what two services say about it.

use common::events::OrderStatus;
use time::OffsetDateTime;

use crate::api::{Failure, Order, Payment, PaymentStatus};

/// How far an order is, for its buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    ToPay,
    /// A payment has begun whose outcome is not known, or that the order does not show yet.
    Checking,
    /// The payments service is away.
    PayingAway,
    /// It will be cancelled at any moment.
    TimeIsUp,
    Complete,
    Cancelled,
    Refunding,
    Refunded,
}

impl Stage {
    /// The stage at this time, and what there is to say about the payment.
    pub(super) fn of(
        order: &Order,
        payment: Result<Option<Payment>, Failure>,
        now: OffsetDateTime,
    ) -> (Self, Option<String>) {
        let is_away = payment.is_err();
        let payment = payment.ok().flatten();
        let status = payment.as_ref().map(|payment| payment.status);
        let stage = match (order.status, status) {
            (OrderStatus::Complete, _) => Self::Complete,
            (OrderStatus::Cancelled, Some(PaymentStatus::Refunded)) => Self::Refunded,
            (OrderStatus::Cancelled, Some(PaymentStatus::Refunding | PaymentStatus::Paid)) => Self::Refunding,
            (OrderStatus::Cancelled, Some(PaymentStatus::Checking)) => Self::Checking,
            (OrderStatus::Cancelled, Some(PaymentStatus::Declined) | None) => Self::Cancelled,
            (OrderStatus::Created | OrderStatus::AwaitingPayment, Some(PaymentStatus::Declined) | None) => {
                match (order.expires_at <= now, is_away) {
                    (true, _) => Self::TimeIsUp,
                    (false, true) => Self::PayingAway,
                    (false, false) => Self::ToPay,
                }
            }
            (OrderStatus::Created | OrderStatus::AwaitingPayment, Some(_)) => Self::Checking,
        };
        (stage, payment.and_then(|payment| payment.message))
    }

    /// Whether the page will soon show something else, without anything that its reader does.
    pub(super) fn is_unsettled(self) -> bool {
        matches!(self, Self::Checking | Self::TimeIsUp | Self::Refunding)
    }

    /// The name of the badge's style, and its text.
    pub(super) fn badge(self) -> (&'static str, &'static str) {
        match self {
            Self::ToPay | Self::PayingAway => ("open", "Waiting for payment"),
            Self::Checking => ("open", "Checking the payment"),
            Self::TimeIsUp => ("cancelled", "Time is up"),
            Self::Complete => ("complete", "Paid"),
            Self::Cancelled => ("cancelled", "Cancelled"),
            Self::Refunding => ("cancelled", "Being refunded"),
            Self::Refunded => ("cancelled", "Refunded"),
        }
    }
}
