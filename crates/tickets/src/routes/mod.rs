//! The endpoints, one in each file.

mod index;
mod new;
mod show;
mod update;

pub(crate) use index::list_tickets;
pub(crate) use new::create_ticket;
pub(crate) use show::show_ticket;
pub(crate) use update::update_ticket;

use common::events::{InvalidPrice, OrderId, Price, TicketId, UserId};
use serde::Serialize;
use serde_json::Value;
use store::Versioned;

use crate::models::{Ticket, Title};

/// A ticket as the API shows it, with its fields in the order of the contract.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    title: Title,
    price: Price,
    user_id: UserId,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    id: TicketId,
}

impl From<&Ticket> for Shown {
    fn from(ticket: &Ticket) -> Self {
        Self {
            title: ticket.title().clone(),
            price: ticket.price(),
            user_id: ticket.seller(),
            version: ticket.version(),
            order_id: ticket.order(),
            id: ticket.id(),
        }
    }
}

/// Reads the price of a body; `missing` is the endpoint's message for a price that is absent or not above 0.
fn price(value: Option<&Value>, missing: &'static str) -> Result<Price, &'static str> {
    Price::from_json(value.unwrap_or_default()).map_err(|error| match error {
        InvalidPrice::NotPositive => missing,
        InvalidPrice::NotDecimal => "Price must be a number with a decimal point, such as 20 or 19.99",
        InvalidPrice::OutOfRange => "Price must be at most 999999.99, with at most two decimals",
    })
}
