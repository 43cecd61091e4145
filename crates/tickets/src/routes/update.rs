//! PUT /api/tickets/:id

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use common::errors::ApiError;
use common::events::{Price, TicketId};
use common::extract::{CurrentUser, Fields, FromBody, PathId, Valid};

use super::{Shown, price};
use crate::models::{CannotEdit, Title};
use crate::state::AppState;

#[derive(Clone)]
pub(crate) struct Edit {
    title: Title,
    price: Price,
}

impl FromBody for Edit {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        let title = fields.read("title", Title::parse);
        let price = fields.read("price", |value| price(value, "Price must be provided and must be greater than 0"));
        Some(Self { title: title?, price: price? })
    }
}

impl From<CannotEdit> for ApiError {
    fn from(why: CannotEdit) -> Self {
        match why {
            CannotEdit::Reserved => Self::BadRequest("Cannot edit a reserved ticket"),
            CannotEdit::NotTheirs => Self::NotAuthorized,
        }
    }
}

pub(crate) async fn update_ticket(
    State(AppState { store, tickets, updated, .. }): State<AppState>,
    user: CurrentUser,
    id: Result<PathId<TicketId>, ApiError>,
    Valid(edit): Valid<Edit>,
) -> Result<Json<Shown>, ApiError> {
    let PathId(id) = id?; // after the body, whose problems are reported first
    let work = async move |tx: &mut _| {
        let ticket = tickets.find_in(tx, id).await?.ok_or(ApiError::NotFound)?;
        let Edit { title, price } = edit.clone();
        let (ticket, event) = ticket.edit(user.id, title, price)?;
        tickets.save(tx, &ticket).await?.context("the ticket changed within its own transaction")?;
        updated.record(tx, &event).await?;
        Ok::<_, ApiError>(ticket)
    };
    let ticket = store.transaction(work).await?;
    Ok(Json((&ticket).into()))
}
