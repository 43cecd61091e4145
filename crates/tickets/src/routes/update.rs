//! PUT /api/tickets/:id

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use common::errors::ApiError;
use common::extract::{CurrentUser, Fields, FromBody, Valid};
use common::{Price, TicketId};

use super::{Shown, price};
use crate::app::AppState;
use crate::models::{CannotEdit, Title};

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
    id: Result<TicketId, ApiError>,
    Valid(edit): Valid<Edit>,
) -> Result<Json<Shown>, ApiError> {
    let id = id?; // after the body, whose problems are told first
    let work = async move |tx: &mut _| {
        let ticket = tickets.find_in(tx, &id).await?.ok_or(ApiError::NotFound)?;
        let Edit { title, price } = edit.clone();
        let (ticket, event) = ticket.edit(&user.id, title, price)?;
        tickets.save(tx, &ticket).await?.context("saving what the same transaction has read")?;
        updated.record(tx, &event).await?;
        Ok::<_, ApiError>(ticket)
    };
    let ticket = store.transaction(work).await?;
    Ok(Json(ticket.into()))
}
