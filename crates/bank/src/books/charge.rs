//! A charge: one attempt to take money from a card.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entry, Method, new_id, now};
use crate::cards::{Behaviour, Decline};

/// One attempt to take money from a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Charge {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) payment_intent: String,
    payment_method: String,
    pub(crate) behaviour: Behaviour,
    /// In the smallest unit of the currency.
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) is_paid: bool,
    failure_code: Option<String>,
    failure_message: Option<String>,
    created: i64,
}

impl Entry for Charge {
    const COLLECTION: &'static str = "charges";
    const NAME: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Charge {
    /// The charge of an intent of this amount, in cents, which succeeds unless it is declined.
    pub(crate) fn new(intent: &str, amount: i64, method: &Method, decline: Option<Decline>) -> Self {
        Self {
            id: new_id("ch"),
            payment_intent: intent.to_owned(),
            payment_method: method.id.clone(),
            behaviour: method.behaviour,
            amount,
            amount_refunded: 0,
            currency: "usd".to_owned(),
            is_paid: decline.is_none(),
            failure_code: decline.map(|decline| decline.code.to_owned()),
            failure_message: decline.map(|decline| decline.message.to_owned()),
            created: now(),
        }
    }

    pub(crate) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if self.is_paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "captured": self.is_paid,
            "created": self.created,
            "currency": self.currency,
            "failure_code": self.failure_code,
            "failure_message": self.failure_message,
            "livemode": false,
            "paid": self.is_paid,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "refunded": self.is_paid && self.amount_refunded == self.amount,
            "status": if self.is_paid { "succeeded" } else { "failed" },
        })
    }
}
