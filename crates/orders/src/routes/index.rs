//! GET /api/orders

use anyhow::Context;
use axum::extract::State;
use axum::response::Response;
use common::errors::ApiError;
use common::extract::{CurrentUser, Page};

use super::Shown;
use crate::app::AppState;
use crate::models::Order;

pub(crate) async fn list_orders(
    State(AppState { orders, tickets, .. }): State<AppState>,
    user: CurrentUser,
    page: Page<common::Order>,
) -> Result<Response, ApiError> {
    let theirs = orders.of(&user.id, &page).await?;
    let tickets = tickets.find_all(theirs.iter().map(Order::ticket).collect()).await?;
    let shown = theirs.iter().map(|order| {
        let ticket = tickets.get(order.ticket()).with_context(|| format!("the ticket of the order {}", order.id()))?;
        Ok(Shown::new(order, ticket))
    });
    let shown: Vec<_> = shown.collect::<Result<_, ApiError>>()?;
    Ok(page.answer(shown, |order| &order.id))
}
