//! POST /api/tickets

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::errors::ApiError;
use common::events::Price;
use common::extract::{CurrentUser, Fields, FromBody, Valid};

use super::{Shown, price};
use crate::models::{Ticket, Title};
use crate::state::AppState;

#[derive(Clone)]
pub(crate) struct NewTicket {
    title: Title,
    price: Price,
}

impl FromBody for NewTicket {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        let title = fields.read("title", Title::parse);
        let price = fields.read("price", |value| price(value, "Price must be greater than 0"));
        Some(Self { title: title?, price: price? })
    }
}

pub(crate) async fn create_ticket(
    State(AppState { store, tickets, created, .. }): State<AppState>,
    user: CurrentUser,
    Valid(NewTicket { title, price }): Valid<NewTicket>,
) -> Result<(StatusCode, Json<Shown>), ApiError> {
    let work = async move |tx: &mut _| {
        let (ticket, event) = Ticket::new(title.clone(), price, user.id);
        tickets.insert(tx, &ticket).await?;
        created.record(tx, &event).await?;
        Ok::<_, ApiError>(ticket)
    };
    let ticket = store.transaction(work).await?;
    Ok((StatusCode::CREATED, Json((&ticket).into())))
}
