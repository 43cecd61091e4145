//! GET /api/tickets/:id

use axum::Json;
use axum::extract::State;
use common::TicketId;
use common::errors::ApiError;

use super::Shown;
use crate::app::AppState;

pub(crate) async fn show_ticket(
    State(AppState { tickets, .. }): State<AppState>,
    id: TicketId,
) -> Result<Json<Shown>, ApiError> {
    let ticket = tickets.find(&id).await?.ok_or(ApiError::NotFound)?;
    Ok(Json(ticket.into()))
}
