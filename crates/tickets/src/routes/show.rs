//! GET /api/tickets/:id

use axum::Json;
use axum::extract::State;
use common::errors::ApiError;
use common::events::TicketId;
use common::extract::PathId;

use super::Shown;
use crate::state::AppState;

pub(crate) async fn show_ticket(
    State(AppState { tickets, .. }): State<AppState>,
    PathId(id): PathId<TicketId>,
) -> Result<Json<Shown>, ApiError> {
    let ticket = tickets.find(id).await?.ok_or(ApiError::NotFound)?;
    Ok(Json((&ticket).into()))
}
