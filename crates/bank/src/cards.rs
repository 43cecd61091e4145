//! Stripe's test cards: <https://docs.stripe.com/testing>.

use serde::{Deserialize, Serialize};

/// A test card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    /// What comes after `tok_` and after `pm_card_`.
    name: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) behaviour: Behaviour,
}

/// What happens when a card is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    Succeeds,
    /// The charge succeeds, and a refund of it is pending for a while.
    PendingRefund,
    /// The charge succeeds, and a refund of it fails after a while.
    FailingRefund,
    /// The customer would have to confirm the payment.
    NeedsAction,
    GenericDecline,
    InsufficientFunds,
    LostCard,
    StolenCard,
    Fraudulent,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    VelocityExceeded,
}

/// A refused charge, in Stripe's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
}

const fn card(name: &'static str, brand: &'static str, last4: &'static str, behaviour: Behaviour) -> Card {
    Card { name, brand, last4, behaviour }
}

const CARDS: &[Card] = &[
    card("visa", "visa", "4242", Behaviour::Succeeds),
    card("visa_debit", "visa", "5556", Behaviour::Succeeds),
    card("mastercard", "mastercard", "4444", Behaviour::Succeeds),
    card("mastercard_debit", "mastercard", "8210", Behaviour::Succeeds),
    card("mastercard_prepaid", "mastercard", "5100", Behaviour::Succeeds),
    card("amex", "amex", "8431", Behaviour::Succeeds),
    card("discover", "discover", "9424", Behaviour::Succeeds),
    card("diners", "diners", "0004", Behaviour::Succeeds),
    card("jcb", "jcb", "0505", Behaviour::Succeeds),
    card("unionpay", "unionpay", "0005", Behaviour::Succeeds),
    card("pendingRefund", "visa", "7726", Behaviour::PendingRefund),
    card("refundFail", "visa", "5126", Behaviour::FailingRefund),
    card("threeDSecure2Required", "visa", "3220", Behaviour::NeedsAction),
    card("threeDSecureRequired", "visa", "3063", Behaviour::NeedsAction),
    card("authenticationRequired", "visa", "3184", Behaviour::NeedsAction),
    card("chargeDeclined", "visa", "0002", Behaviour::GenericDecline),
    card("visa_chargeDeclined", "visa", "0002", Behaviour::GenericDecline),
    card("chargeCustomerFail", "visa", "0341", Behaviour::GenericDecline),
    card("chargeDeclinedInsufficientFunds", "visa", "9995", Behaviour::InsufficientFunds),
    card("visa_chargeDeclinedInsufficientFunds", "visa", "9995", Behaviour::InsufficientFunds),
    card("visa_chargeDeclinedLostCard", "visa", "9987", Behaviour::LostCard),
    card("visa_chargeDeclinedStolenCard", "visa", "9979", Behaviour::StolenCard),
    card("chargeDeclinedFraudulent", "visa", "0019", Behaviour::Fraudulent),
    card("radarBlock", "visa", "0019", Behaviour::Fraudulent),
    card("chargeDeclinedExpiredCard", "visa", "0069", Behaviour::ExpiredCard),
    card("chargeDeclinedIncorrectCvc", "visa", "0127", Behaviour::IncorrectCvc),
    card("chargeDeclinedProcessingError", "visa", "0119", Behaviour::ProcessingError),
    card("visa_chargeDeclinedVelocityLimitExceeded", "visa", "6975", Behaviour::VelocityExceeded),
];

/// The card of a test token, as `tok_visa`.
pub(crate) fn of_token(token: &str) -> Option<Card> {
    named(token.strip_prefix("tok_")?)
}

/// The card of a payment method that every account has, as `pm_card_visa`.
pub(crate) fn of_method(id: &str) -> Option<Card> {
    named(id.strip_prefix("pm_card_")?)
}

fn named(name: &str) -> Option<Card> {
    CARDS.iter().find(|card| card.name == name).copied()
}

impl Behaviour {
    /// Why the charge is refused, if it is.
    pub(crate) fn decline(self) -> Option<Decline> {
        let decline = |code, decline_code, message| Some(Decline { code, decline_code, message });
        let declined = |decline_code| decline("card_declined", Some(decline_code), "Your card was declined.");
        match self {
            Self::Succeeds | Self::PendingRefund | Self::FailingRefund | Self::NeedsAction => None,
            Self::GenericDecline => declined("generic_decline"),
            Self::LostCard => declined("lost_card"),
            Self::StolenCard => declined("stolen_card"),
            Self::Fraudulent => declined("fraudulent"),
            Self::InsufficientFunds => {
                decline("card_declined", Some("insufficient_funds"), "Your card has insufficient funds.")
            }
            Self::VelocityExceeded => decline(
                "card_declined",
                Some("card_velocity_exceeded"),
                "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
            ),
            Self::ExpiredCard => decline("expired_card", None, "Your card has expired."),
            Self::IncorrectCvc => decline("incorrect_cvc", None, "Your card's security code is incorrect."),
            Self::ProcessingError => decline(
                "processing_error",
                None,
                "An error occurred while processing your card. Try again in a little bit.",
            ),
        }
    }
}
