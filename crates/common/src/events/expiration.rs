//! What the expiration service tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aggregate, AggregateRef, Direct, Event, Subject};
use crate::OrderId;

/// The time to pay an order is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpirationComplete {
    /// Which order.
    pub order_id: OrderId,
}

impl Event for ExpirationComplete {
    const SUBJECT: Subject = Subject::ExpirationComplete;

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { aggregate: Aggregate::Order, id: self.order_id.to_string(), version: None }
    }
}

/// What stands behind it is the time alone.
impl Direct for ExpirationComplete {}
