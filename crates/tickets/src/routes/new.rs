//! POST /api/tickets

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::Price;
use common::errors::ApiError;
use common::extract::{CurrentUser, Fields, FromBody, Valid};

use super::{Shown, price};
use crate::app::AppState;
use crate::models::{Ticket, Title};

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
    let (ticket, event) = Ticket::new(title, price, user.id);
    let shown = Shown::from(ticket.clone());
    let work = async move |tx: &mut _| {
        tickets.insert(tx, &ticket).await?;
        created.record(tx, &event).await?;
        Ok::<_, ApiError>(())
    };
    store.transaction(work).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}
