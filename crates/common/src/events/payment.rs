//! What the payments service tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aggregate, AggregateRef, Event, Subject};
use crate::{OrderId, PaymentId};

/// An order was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentCreated {
    /// Which payment.
    pub id: PaymentId,
    /// What it pays.
    pub order_id: OrderId,
    /// The charge at Stripe.
    pub stripe_id: String,
}

impl Event for PaymentCreated {
    const SUBJECT: Subject = Subject::PaymentCreated;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Payment, id: self.id.to_string(), version: None }
    }
}
