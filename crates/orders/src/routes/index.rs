//! GET /api/orders

use axum::extract::State;
use axum::response::Response;
use common::errors::ApiError;
use common::events::kind;
use common::extract::{CurrentUser, Page};

use super::Shown;
use crate::models::Order;
use crate::state::AppState;

pub(crate) async fn list_orders(
    State(AppState { store, orders, tickets, .. }): State<AppState>,
    user: CurrentUser,
    page: Page<kind::Order>,
) -> Result<Response, ApiError> {
    let theirs = orders.of(user.id, &page).await?;
    let tickets = tickets.find_all(theirs.iter().map(Order::ticket)).await?;
    let show = |order: &Order| {
        let ticket = tickets.get(&order.ticket().any());
        if ticket.is_none() {
            store.report_unreadable("orders", &order.id().to_string().into(), &"the projection lacks its ticket");
        }
        Some(Shown::new(order, ticket?))
    };
    Ok(page.answer(theirs, Order::id, show))
}
