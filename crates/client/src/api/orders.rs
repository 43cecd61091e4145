//! The API of the orders service.

use axum::http::Method;
use common::events::{OrderId, OrderStatus, Price, TicketId, timestamp};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::call::{Api, Listed};
use super::failure::Failure;
use super::tickets::Ticket;

/// How many orders are the newest.
const NEWEST: usize = 10;

/// An order of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) status: OrderStatus,
    #[serde(with = "timestamp")]
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) ticket: Ordered,
}

/// The ticket of an order, as it was when the order was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Ordered {
    pub(crate) id: TicketId,
    pub(crate) title: String,
    pub(crate) price: Price,
}

impl Api {
    /// The user's orders, the newest first, from the one behind this on.
    pub(crate) async fn own_orders(&self, after: Option<OrderId>, limit: usize) -> Result<Listed<Order>, Failure> {
        self.list(self.orders(), "/api/orders?newest=true&", after, limit).await
    }

    /// One of them, and the time by the clock that ends it.
    pub(crate) async fn order(&self, id: OrderId) -> Result<(Order, OffsetDateTime), Failure> {
        let answer = self.get(self.orders(), &format!("/api/orders/{id}")).await?;
        Ok((answer.value, answer.time))
    }

    /// The user's order that has reserved or bought this ticket, if there is one. The ticket may not say yet that it is
    /// reserved, but the order is among the newest then.
    pub(crate) async fn own_order_of(&self, ticket: &Ticket) -> Option<Order> {
        if let Some(holder) = ticket.order_id {
            return self.order(holder).await.ok().map(|(order, _)| order);
        }
        let newest = self.own_orders(None, NEWEST).await.ok()?.items;
        newest.into_iter().find(|order| order.ticket.id == ticket.id && order.status != OrderStatus::Cancelled)
    }

    /// Reserves a ticket, which may not have reached the orders service yet.
    pub(crate) async fn reserve(&self, ticket: TicketId) -> Result<Order, Failure> {
        let body = json!({ "ticketId": ticket });
        Ok(self.create(self.orders(), "/api/orders", &body).await?.value)
    }

    pub(crate) async fn cancel(&self, id: OrderId) -> Result<(), Failure> {
        self.call::<()>(self.orders(), Method::DELETE, &format!("/api/orders/{id}"), None).await.map(drop)
    }
}
