//! The API of the tickets service.

use axum::http::Method;
use common::events::{OrderId, Price, TicketId, UserId};
use serde::Deserialize;
use serde_json::json;

use super::call::{Api, Listed};
use super::failure::Failure;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticket {
    pub(crate) id: TicketId,
    pub(crate) title: String,
    pub(crate) price: Price,
    /// Who sells it.
    pub(crate) user_id: UserId,
    pub(crate) version: u64,
    /// The order that has reserved it, if one has.
    pub(crate) order_id: Option<OrderId>,
}

impl Api {
    /// The tickets that can be bought, from the one after this on.
    pub(crate) async fn free_tickets(&self, after: Option<TicketId>, limit: usize) -> Result<Listed<Ticket>, Failure> {
        self.list(self.tickets(), "/api/tickets?", after, limit).await
    }

    /// The tickets that the user sells, from the one after this on.
    pub(crate) async fn own_tickets(&self, after: Option<TicketId>, limit: usize) -> Result<Listed<Ticket>, Failure> {
        self.list(self.tickets(), "/api/tickets?mine=true&", after, limit).await
    }

    pub(crate) async fn ticket(&self, id: TicketId) -> Result<Ticket, Failure> {
        Ok(self.get(self.tickets(), &format!("/api/tickets/{id}")).await?.value)
    }

    /// Offers a ticket; the price is what the user has written.
    pub(crate) async fn sell(&self, title: &str, price: &str) -> Result<Ticket, Failure> {
        let body = json!({ "title": title, "price": price.trim() });
        Ok(self.call(self.tickets(), Method::POST, "/api/tickets", Some(&body)).await?.value)
    }

    /// Sets another title and price.
    pub(crate) async fn edit(&self, id: TicketId, title: &str, price: &str) -> Result<Ticket, Failure> {
        let body = json!({ "title": title, "price": price.trim() });
        Ok(self.call(self.tickets(), Method::PUT, &format!("/api/tickets/{id}"), Some(&body)).await?.value)
    }
}
