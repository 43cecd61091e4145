//! GET /api/orders/:orderId

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use common::errors::ApiError;
use common::events::OrderId;
use common::extract::{CurrentUser, PathId};

use super::{Shown, theirs};
use crate::state::AppState;

pub(crate) async fn show_order(
    State(AppState { orders, tickets, .. }): State<AppState>,
    user: CurrentUser,
    PathId(id): PathId<OrderId>,
) -> Result<Json<Shown>, ApiError> {
    let order = theirs(orders.find(id).await?, &user)?;
    if let Some(ticket) = order.ticket() {
        return Ok(Json(Shown::new(&order, ticket)));
    }
    let ticket = tickets.find(order.ticket_id()).await?;
    let ticket = ticket.with_context(|| format!("the projection lacks the ticket of the order {id}"))?;
    Ok(Json(Shown::new(&order, &ticket)))
}
