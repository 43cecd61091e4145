//! POST /api/orders

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::errors::ApiError;
use common::events::TicketId;
use common::extract::{CurrentUser, Fields, FromBody, Valid};
use serde_json::Value;

use super::Shown;
use crate::models::{AlreadyReserved, Order};
use crate::state::AppState;

pub(crate) struct NewOrder {
    ticket_id: TicketId,
}

impl FromBody for NewOrder {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        // Two entries for a missing id, as the two validators of the course have it.
        let given = fields.read("ticketId", |value| match value {
            None | Some(Value::Null) => Err("Invalid value"),
            Some(Value::String(text)) if text.is_empty() => Err("Invalid value"),
            Some(_) => Ok(()),
        });
        let ticket_id = fields.read("ticketId", |value| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            text.to_ascii_lowercase().parse().map_err(|_| "TicketId must be provided")
        });
        given?;
        Some(Self { ticket_id: ticket_id? })
    }
}

pub(crate) async fn create_order(
    State(AppState { store, orders, tickets, created, settings, .. }): State<AppState>,
    user: CurrentUser,
    Valid(NewOrder { ticket_id }): Valid<NewOrder>,
) -> Result<(StatusCode, Json<Shown>), ApiError> {
    let window = Duration::from_secs(settings.get().window_seconds.into());
    let work = async move |tx: &mut _| {
        let ticket = tickets.find_in(tx, ticket_id).await?.ok_or(ApiError::NotFound)?;
        let (order, event) = Order::new(user.id, &ticket, window);
        let inserted = orders.insert(tx, &order).await?;
        inserted.map_err(|AlreadyReserved| ApiError::BadRequest("Ticket is already reserved"))?;
        created.record(tx, &event).await?;
        Ok::<_, ApiError>(Shown::new(&order, &ticket))
    };
    let shown = store.transaction(work).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}
