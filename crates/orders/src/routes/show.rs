//! GET /api/orders/:orderId

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use common::OrderId;
use common::errors::ApiError;
use common::extract::CurrentUser;

use super::{Shown, theirs};
use crate::app::AppState;

pub(crate) async fn show_order(
    State(AppState { orders, tickets, .. }): State<AppState>,
    user: CurrentUser,
    id: OrderId,
) -> Result<Json<Shown>, ApiError> {
    let order = theirs(orders.find(&id).await?, &user)?;
    let ticket = tickets.find(order.ticket()).await?;
    let ticket = ticket.with_context(|| format!("the ticket of the order {id}"))?;
    Ok(Json(Shown::new(&order, &ticket)))
}
