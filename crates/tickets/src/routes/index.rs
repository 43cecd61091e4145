//! GET /api/tickets

use axum::extract::State;
use axum::response::Response;
use common::errors::ApiError;
use common::events::kind;
use common::extract::Page;

use super::Shown;
use crate::models::Ticket;
use crate::state::AppState;

pub(crate) async fn list_tickets(
    State(AppState { tickets, .. }): State<AppState>,
    page: Page<kind::Ticket>,
) -> Result<Response, ApiError> {
    let free = tickets.free(&page).await?;
    Ok(page.answer(free, Ticket::id, |ticket| Some(Shown::from(ticket))))
}
