//! GET /api/tickets

use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::response::Response;
use common::errors::{ApiError, Problem, SOMETHING_WENT_WRONG};
use common::events::{UserId, kind};
use common::extract::{CurrentUser, Page};

use super::Shown;
use crate::models::Ticket;
use crate::state::AppState;

/// Which tickets are listed.
pub(crate) enum Listed {
    /// Those that no order has reserved, whoever sells them.
    Free,
    /// Those that the signed-in user sells: `?mine=true`.
    Of(UserId),
}

impl FromRequestParts<AppState> for Listed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::BadRequest(SOMETHING_WENT_WRONG))?;
        let mut is_mine = false;
        for (_, value) in given.iter().filter(|(name, _)| name == "mine") {
            let problem = || Problem { message: "Mine must be true or false".to_owned(), field: Some("mine") };
            is_mine = value.parse().map_err(|_| ApiError::Invalid(vec![problem()]))?;
        }
        if !is_mine {
            return Ok(Self::Free);
        }
        let user = CurrentUser::from_request_parts(parts, state).await?;
        Ok(Self::Of(user.id))
    }
}

pub(crate) async fn list_tickets(
    State(AppState { tickets, .. }): State<AppState>,
    listed: Listed,
    page: Page<kind::Ticket>,
) -> Result<Response, ApiError> {
    let (found, page) = match listed {
        Listed::Free => (tickets.free(&page).await?, page),
        Listed::Of(seller) => (tickets.of(seller, &page).await?, page.of("mine=true")),
    };
    Ok(page.answer(found, Ticket::id, |ticket| Some(Shown::from(ticket))))
}
