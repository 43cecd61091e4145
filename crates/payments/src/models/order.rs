//! The projection of the orders: what is to be paid, by whom and until when.

use common::events::{Aggregate, AnyId, OrderCancelled, OrderCreated, OrderId, Price, UserId, kind};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use store::{Projected, Versioned};

/// An order as its last event reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(rename = "_id")]
    id: OrderId,
    user_id: UserId,
    /// The amount that the buyer was shown, and pays.
    #[serde(flatten, with = "store::price")]
    price: Price,
    expires_at: DateTime,
    is_cancelled: bool,
    version: u64,
}

impl Order {
    pub(crate) fn id(&self) -> OrderId {
        self.id
    }

    pub(crate) fn buyer(&self) -> UserId {
        self.user_id
    }

    pub(crate) fn price(&self) -> Price {
        self.price
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// Whether a payment may begin: the order is not cancelled, and its time has not run out.
    pub(crate) fn is_payable(&self) -> bool {
        !self.is_cancelled && DateTime::now() < self.expires_at
    }
}

impl Versioned for Order {
    fn id(&self) -> AnyId {
        self.id.any()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Projected for Order {
    const AGGREGATE: Aggregate = Aggregate::Order;

    type Kind = kind::Order;
    type Created = OrderCreated;
    type Changed = OrderCancelled;

    fn created(event: &OrderCreated) -> Self {
        let OrderCreated { id, version, user_id, expires_at, ticket, .. } = event.clone();
        let expires_at = DateTime::from_millis((expires_at.unix_timestamp_nanos() / 1_000_000) as i64);
        Self { id, user_id, price: ticket.price, expires_at, is_cancelled: false, version }
    }

    fn changed(self, event: &OrderCancelled) -> Self {
        Self { is_cancelled: true, version: event.version, ..self }
    }
}
