//! DELETE /api/orders/:orderId

use axum::extract::State;
use axum::http::StatusCode;
use common::OrderId;
use common::errors::ApiError;
use common::extract::CurrentUser;

use super::theirs;
use crate::app::AppState;
use crate::models::Cancelled;

pub(crate) async fn cancel_order(
    State(AppState { store, orders, cancelled, .. }): State<AppState>,
    user: CurrentUser,
    id: OrderId,
) -> Result<StatusCode, ApiError> {
    let work = async move |tx: &mut _| {
        let order = theirs(orders.find_in(tx, &id).await?, &user)?;
        match orders.cancel(tx, order, &cancelled).await? {
            Cancelled::Now | Cancelled::Before => Ok(()),
            Cancelled::Never => Err(ApiError::BadRequest("Cannot cancel a completed order")),
        }
    };
    store.transaction(work).await?;
    Ok(StatusCode::NO_CONTENT)
}
