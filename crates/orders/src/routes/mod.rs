//! The endpoints, one in each file.

mod delete;
mod index;
mod new;
mod show;

pub(crate) use delete::cancel_order;
pub(crate) use index::list_orders;
pub(crate) use new::create_order;
pub(crate) use show::show_order;

use common::errors::ApiError;
use common::events::{OrderId, OrderStatus, Price, TicketId, UserId, timestamp};
use common::extract::CurrentUser;
use serde::Serialize;
use store::Versioned;
use time::OffsetDateTime;

use crate::models::{Order, Ticket};

/// An order as the API shows it, with its fields in the order of the contract.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    status: OrderStatus,
    user_id: UserId,
    #[serde(with = "timestamp")]
    expires_at: OffsetDateTime,
    ticket: ShownTicket,
    version: u64,
    id: OrderId,
}

/// The ticket of an order, as it was when the order was made.
#[derive(Debug, Serialize)]
struct ShownTicket {
    title: String,
    price: Price,
    version: u64,
    id: TicketId,
}

impl Shown {
    fn new(order: &Order, ticket: &Ticket) -> Self {
        Self {
            status: order.status(),
            user_id: order.buyer(),
            expires_at: order.expires_at(),
            ticket: ShownTicket {
                title: ticket.title().to_owned(),
                price: ticket.price(),
                version: ticket.version(),
                id: ticket.id(),
            },
            version: order.version(),
            id: order.id(),
        }
    }
}

/// The order, if it is the user's own; otherwise 404 or 401.
fn theirs(order: Option<Order>, user: &CurrentUser) -> Result<Order, ApiError> {
    let order = order.ok_or(ApiError::NotFound)?;
    if order.buyer() == user.id { Ok(order) } else { Err(ApiError::NotAuthorized) }
}
