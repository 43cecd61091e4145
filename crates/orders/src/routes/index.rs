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
    let without = theirs.iter().filter(|order| order.ticket().is_none());
    let tickets = tickets.find_all(without.map(Order::ticket_id)).await?;
    let show = |order: &Order| {
        let ticket = order.ticket().or_else(|| tickets.get(&order.ticket_id().any()));
        if ticket.is_none() {
            store.report_unreadable("orders", &order.id().to_string().into(), &"the projection lacks its ticket");
        }
        Some(Shown::new(order, ticket?))
    };
    Ok(page.answer(theirs, Order::id, show))
}
