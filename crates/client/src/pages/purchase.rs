//! POST `/tickets/:id/purchase`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use common::events::TicketId;
use common::extract::PathId;

use super::form::Problems;
use super::redirect::see_other;
use super::ticket::ticket_page;
use crate::api::{Api, Failure};
use crate::state::AppState;

/// A ticket that was just offered is not known to the orders service at once.
const TOO_EARLY: &str = "The ticket can't be ordered yet, please try again in a moment";

pub(crate) async fn purchase(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<TicketId>,
) -> Result<Response, Failure> {
    let problems = match api.reserve(id).await {
        Ok(order) => return Ok(see_other(&format!("/orders/{}", order.id)).into_response()),
        Err(Failure::NotFound) => Problems::one(StatusCode::SERVICE_UNAVAILABLE, TOO_EARLY),
        Err(failure) => Problems::of_refusal(failure)?,
    };
    ticket_page(&state, &api, id, problems).await
}

/// GET, as after a sign in or a reload: the page of the ticket.
pub(crate) async fn to_ticket(PathId(id): PathId<TicketId>) -> Redirect {
    see_other(&format!("/tickets/{id}"))
}
