//! One endpoint a file.

mod delete;
mod index;
mod new;
mod show;

pub(crate) use delete::cancel_order;
pub(crate) use index::list_orders;
pub(crate) use new::create_order;
pub(crate) use show::show_order;

use common::errors::ApiError;
use common::events::{OrderStatus, timestamp};
use common::extract::CurrentUser;
use common::store::Versioned;
use common::{OrderId, Price, TicketId, UserId};
use serde::Serialize;
use time::OffsetDateTime;

use crate::models::{Order, Ticket};

/// What is shown of an order, in the contract's order.
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

/// The ticket of an order, as it is now.
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
            user_id: order.buyer().clone(),
            expires_at: order.expires_at(),
            ticket: ShownTicket {
                title: ticket.title().to_owned(),
                price: ticket.price(),
                version: ticket.version(),
                id: ticket.id().clone(),
            },
            version: order.version(),
            id: order.id().clone(),
        }
    }
}

/// The order, if it is theirs.
fn theirs(order: Option<Order>, user: &CurrentUser) -> Result<Order, ApiError> {
    let order = order.ok_or(ApiError::NotFound)?;
    if *order.buyer() == user.id { Ok(order) } else { Err(ApiError::NotAuthorized) }
}
