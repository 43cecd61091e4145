//! A payment intent: what is to be paid, which succeeds at most once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Charge, Entry, Method, new_id, now};
use crate::answer::{Answer, Refused};
use crate::cards::Decline;

/// What is to be paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Intent {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// In the smallest unit of the currency.
    pub(crate) amount: i64,
    pub(crate) currency: String,
    status: IntentStatus,
    pub(crate) payment_method: Option<String>,
    latest_charge: Option<String>,
    last_error: Option<LastError>,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
    canceled_at: Option<i64>,
    cancellation_reason: Option<String>,
}

/// How far an intent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Succeeded,
    Canceled,
}

/// Why the last confirmation has failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastError {
    pub(crate) code: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) message: String,
    charge: Option<String>,
    method: Value,
}

impl LastError {
    pub(crate) fn new(decline: Decline, charge: Option<&Charge>, method: &Method) -> Self {
        Self {
            code: decline.code.to_owned(),
            decline_code: decline.decline_code.map(str::to_owned),
            message: decline.message.to_owned(),
            charge: charge.map(|charge| charge.id.clone()),
            method: method.shown(),
        }
    }

    pub(crate) fn shown(&self) -> Value {
        json!({
            "type": "card_error",
            "code": self.code,
            "decline_code": self.decline_code,
            "message": self.message,
            "charge": self.charge,
            "payment_method": self.method,
        })
    }
}

impl Entry for Intent {
    const COLLECTION: &'static str = "intents";
    const NAME: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }
}

impl IntentStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl Intent {
    pub(crate) fn new(
        amount: i64,
        currency: &str,
        method: Option<&Method>,
        description: Option<&str>,
        metadata: BTreeMap<String, String>,
    ) -> Self {
        Self {
            id: new_id("pi"),
            amount,
            currency: currency.to_owned(),
            status: match method {
                Some(_) => IntentStatus::RequiresConfirmation,
                None => IntentStatus::RequiresPaymentMethod,
            },
            payment_method: method.map(|method| method.id.clone()),
            latest_charge: None,
            last_error: None,
            description: description.map(str::to_owned),
            metadata,
            created: now(),
            canceled_at: None,
            cancellation_reason: None,
        }
    }

    /// Whether it can be confirmed.
    pub(crate) fn confirmable(&self) -> Result<(), Refused> {
        match self.status {
            IntentStatus::Succeeded => Err(self.unexpected(
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
                    .to_owned(),
            )),
            IntentStatus::Canceled => Err(self.unexpected(
                "You cannot confirm this PaymentIntent because it has a status of canceled. Only a PaymentIntent with \
                 one of the following statuses may be confirmed: requires_confirmation, requires_action."
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// The charge has succeeded.
    pub(crate) fn succeeded(&mut self, charge: &Charge, method: &Method) {
        self.status = IntentStatus::Succeeded;
        self.payment_method = Some(method.id.clone());
        self.latest_charge = Some(charge.id.clone());
        self.last_error = None;
    }

    /// The confirmation has failed; another payment method may be tried.
    pub(crate) fn declined(&mut self, error: LastError) {
        self.status = IntentStatus::RequiresPaymentMethod;
        self.payment_method = None;
        self.latest_charge.clone_from(&error.charge);
        self.last_error = Some(error);
    }

    /// The customer would have to act.
    pub(crate) fn needs_action(&mut self, method: &Method) {
        self.status = IntentStatus::RequiresAction;
        self.payment_method = Some(method.id.clone());
    }

    pub(crate) fn cancel(&mut self, reason: Option<&str>) -> Result<(), Refused> {
        if matches!(self.status, IntentStatus::Succeeded | IntentStatus::Canceled) {
            return Err(self.unexpected(format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of \
                 the following statuses may be canceled: requires_payment_method, requires_capture, \
                 requires_confirmation, requires_action, processing.",
                self.status.as_str()
            )));
        }
        self.status = IntentStatus::Canceled;
        self.canceled_at = Some(now());
        self.cancellation_reason = reason.map(str::to_owned);
        Ok(())
    }

    /// 400: the intent is not in a state that allows it. The answer shows the intent.
    pub(crate) fn unexpected(&self, message: String) -> Refused {
        let more = [("code", "payment_intent_unexpected_state".into()), ("payment_intent", self.shown())];
        Refused::Invalid(Answer::error(400, "invalid_request_error", message, &more))
    }

    pub(crate) fn shown(&self) -> Value {
        let is_paid = self.status == IntentStatus::Succeeded;
        let next_action = (self.status == IntentStatus::RequiresAction).then(|| json!({ "type": "use_stripe_sdk" }));
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_received": if is_paid { self.amount } else { 0 },
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": "automatic",
            "client_secret": format!("{}_secret_test", self.id),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": null,
            "description": self.description,
            "last_payment_error": self.last_error.as_ref().map(LastError::shown),
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": next_action,
            "payment_method": self.payment_method,
            "payment_method_types": ["card"],
            "status": self.status.as_str(),
        })
    }
}
