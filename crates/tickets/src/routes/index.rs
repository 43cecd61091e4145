//! GET /api/tickets

use axum::extract::State;
use axum::response::Response;
use common::errors::ApiError;
use common::events::kind;
use common::extract::Page;

use super::Shown;
use crate::state::AppState;

pub(crate) async fn list_tickets(
    State(AppState { tickets, .. }): State<AppState>,
    page: Page<kind::Ticket>,
) -> Result<Response, ApiError> {
    let free: Vec<Shown> = tickets.free(&page).await?.into_iter().map(Shown::from).collect();
    Ok(page.answer(free, |ticket| ticket.id))
}
