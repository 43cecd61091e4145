//! GET /api/orders

use anyhow::Context;
use axum::extract::State;
use axum::response::Response;
use common::errors::ApiError;
use common::events::kind;
use common::extract::{CurrentUser, Page};

use super::Shown;
use crate::models::Order;
use crate::state::AppState;

pub(crate) async fn list_orders(
    State(AppState { orders, tickets, .. }): State<AppState>,
    user: CurrentUser,
    page: Page<kind::Order>,
) -> Result<Response, ApiError> {
    let theirs = orders.of(user.id, &page).await?;
    let tickets = tickets.find_all(theirs.iter().map(Order::ticket)).await?;
    let shown = theirs.iter().map(|order| {
        let ticket = tickets
            .get(&order.ticket().any())
            .with_context(|| format!("the projection lacks the ticket of the order {}", order.id()))?;
        Ok(Shown::new(order, ticket))
    });
    let shown: Vec<_> = shown.collect::<Result<_, ApiError>>()?;
    Ok(page.answer(shown, |order| order.id))
}
