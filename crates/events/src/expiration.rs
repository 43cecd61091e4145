//! The event of the expiration service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, AggregateRef, Direct, Event, OrderId, Subject};

/// The time to pay an order has run out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpirationComplete {
    /// The id of the order.
    pub order_id: OrderId,
}

impl Event for ExpirationComplete {
    const SUBJECT: Subject = Subject::ExpirationComplete;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.order_id.any(), version: None }
    }
}

/// Only the time stands behind this event, and no state.
impl Direct for ExpirationComplete {}
