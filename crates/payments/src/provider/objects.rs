//! What the provider answers: the fields that this service uses.
//!
//! They are described at <https://docs.stripe.com/api/payment_intents/object> and
//! <https://docs.stripe.com/api/refunds/object>.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Anything with an id.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Identified {
    pub(super) id: String,
}

/// A payment intent: what is to be paid, which succeeds at most once.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    /// In cents.
    pub(crate) amount: i64,
    /// The charge that has succeeded, or the last one that was tried.
    #[serde(default)]
    pub(crate) latest_charge: Option<String>,
    #[serde(default)]
    pub(crate) metadata: HashMap<String, String>,
    /// Why the last confirmation has failed, with the payment method that was refused.
    #[serde(default)]
    last_payment_error: Value,
}

impl Intent {
    /// Why the last confirmation was refused, if that was one with this payment method.
    pub(crate) fn declined(&self, method: &str) -> Option<&str> {
        let error = Some(&self.last_payment_error).filter(|error| error["payment_method"]["id"] == method)?;
        Some(error["message"].as_str().unwrap_or("Your card was declined."))
    }
}

/// How far a payment intent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    /// The money has moved.
    Succeeded,
    /// It can't succeed any more.
    Canceled,
    /// It can't be cancelled now, and succeeds or fails soon.
    Processing,
    /// It waits for something.
    #[serde(other)]
    Open,
}

/// A refund.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    #[serde(deserialize_with = "or_pending")]
    pub(crate) status: RefundStatus,
    #[serde(default)]
    pub(crate) failure_reason: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Option<HashMap<String, String>>,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    /// The money went back.
    Succeeded,
    /// The money stays where it is.
    Failed,
    /// The refund was cancelled, and the money stays where it is.
    Canceled,
    /// It succeeds or fails later.
    #[serde(other)]
    Pending,
}

/// Reads a status; Stripe's description of a refund allows null, which says nothing about its end.
fn or_pending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RefundStatus, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(RefundStatus::Pending))
}

/// A page of a list, the newest first.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::{Refund, RefundStatus};

    #[test]
    fn a_refund_has_succeeded_only_if_the_provider_says_so() {
        for (status, expected) in [
            ("\"succeeded\"", RefundStatus::Succeeded),
            ("\"failed\"", RefundStatus::Failed),
            ("\"canceled\"", RefundStatus::Canceled),
            ("\"pending\"", RefundStatus::Pending),
            ("\"requires_action\"", RefundStatus::Pending),
            ("null", RefundStatus::Pending),
        ] {
            let json = format!(r#"{{"id":"re_1","status":{status},"metadata":null}}"#);
            assert_eq!(serde_json::from_str::<Refund>(&json).unwrap().status, expected, "{status}");
        }
    }
}
