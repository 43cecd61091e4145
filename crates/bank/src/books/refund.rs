//! A refund: money that goes back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Charge, Entry, new_id, now};
use crate::cards::Behaviour;

/// Money that goes back to a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) charge: String,
    payment_intent: String,
    /// In the smallest unit of the currency.
    pub(crate) amount: i64,
    currency: String,
    pub(crate) status: RefundStatus,
    /// Whether a pending refund will fail.
    pub(crate) will_fail: bool,
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl Entry for Refund {
    const COLLECTION: &'static str = "refunds";
    const NAME: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Refund {
    pub(crate) fn new(charge: &Charge, amount: i64, reason: Option<&str>, metadata: BTreeMap<String, String>) -> Self {
        Self {
            id: new_id("re"),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            amount,
            currency: charge.currency.clone(),
            status: match charge.behaviour {
                Behaviour::PendingRefund | Behaviour::FailingRefund => RefundStatus::Pending,
                _ => RefundStatus::Succeeded,
            },
            will_fail: charge.behaviour == Behaviour::FailingRefund,
            reason: reason.map(str::to_owned),
            metadata,
            created: now(),
        }
    }

    pub(crate) fn shown(&self) -> Value {
        let (status, failure) = match self.status {
            RefundStatus::Pending => ("pending", None),
            RefundStatus::Succeeded => ("succeeded", None),
            RefundStatus::Failed => ("failed", Some("expired_or_canceled_card")),
        };
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "failure_reason": failure,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "status": status,
        })
    }
}
