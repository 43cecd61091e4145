//! DELETE /api/orders/:orderId

use axum::extract::State;
use axum::http::StatusCode;
use common::errors::ApiError;
use common::events::OrderId;
use common::extract::{CurrentUser, PathId};

use super::theirs;
use crate::models::Cancelled;
use crate::state::AppState;

pub(crate) async fn cancel_order(
    State(AppState { store, orders, cancelled, .. }): State<AppState>,
    user: CurrentUser,
    PathId(id): PathId<OrderId>,
) -> Result<StatusCode, ApiError> {
    let work = async move |tx: &mut _| {
        let order = theirs(orders.find_in(tx, id).await?, &user)?;
        match orders.cancel(tx, order, &cancelled).await? {
            Cancelled::Now | Cancelled::Before => Ok(()),
            Cancelled::Never => Err(ApiError::BadRequest("Cannot cancel a completed order")),
        }
    };
    store.transaction(work).await?;
    Ok(StatusCode::NO_CONTENT)
}
