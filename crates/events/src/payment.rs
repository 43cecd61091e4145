//! The events of the payments service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, AggregateRef, Event, OrderId, PaymentId, Subject};

/// A buyer has paid an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentCreated {
    /// The id of the payment.
    pub id: PaymentId,
    /// The id of the order that is paid.
    pub order_id: OrderId,
    /// The id of the charge at Stripe.
    pub stripe_id: String,
}

/// The money of a payment has gone back to the buyer, because its order was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefunded {
    /// The id of the payment.
    pub id: PaymentId,
    /// The id of the cancelled order.
    pub order_id: OrderId,
    /// The id of the charge at Stripe that was paid back, as in the payment's `payment:created`.
    pub stripe_id: String,
}

impl Event for PaymentCreated {
    const SUBJECT: Subject = Subject::PaymentCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Payment, id: self.id.any(), version: None }
    }
}

impl Event for PaymentRefunded {
    const SUBJECT: Subject = Subject::PaymentRefunded;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Payment, id: self.id.any(), version: None }
    }
}
