//! The API of the payments service.

use common::events::OrderId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Api;
use super::failure::Failure;

/// How far the payment of an order is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Payment {
    pub(crate) status: PaymentStatus,
    /// Why the card was declined, or what else there is to say.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PaymentStatus {
    /// The outcome is not known yet.
    Checking,
    Paid,
    Declined,
    Refunding,
    Refunded,
}

impl Api {
    /// The payment of an order; `None` if nobody has tried to pay.
    pub(crate) async fn payment(&self, order: OrderId) -> Result<Option<Payment>, Failure> {
        match self.get(self.payments(), &format!("/api/payments/{order}")).await {
            Ok(answer) => Ok(Some(answer.value)),
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Pays for an order, which may not have reached the payments service yet. The token is Stripe's name of a card.
    pub(crate) async fn pay(&self, order: OrderId, token: &str) -> Result<(), Failure> {
        let body = json!({ "orderId": order, "token": token });
        self.create::<Value>(self.payments(), "/api/payments", &body).await.map(drop)
    }
}
