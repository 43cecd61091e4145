//! GET /api/payments/:orderId

use axum::Json;
use axum::extract::State as Shared;
use common::errors::ApiError;
use common::events::OrderId;
use common::extract::{CurrentUser, PathId};
use serde::Serialize;

use crate::models::{Payment, State};
use crate::state::AppState;

/// How far the payment of an order is, for its buyer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    order_id: OrderId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Checking,
    Paid,
    Declined,
    Refunding,
    Refunded,
}

pub(crate) async fn show_payment(
    Shared(AppState { payments, .. }): Shared<AppState>,
    user: CurrentUser,
    PathId(id): PathId<OrderId>,
) -> Result<Json<Shown>, ApiError> {
    let payment = payments.find(id).await?.ok_or(ApiError::NotFound)?;
    if payment.buyer() != user.id {
        return Err(ApiError::NotAuthorized);
    }
    Ok(Json(Shown::new(&payment)))
}

impl Shown {
    fn new(payment: &Payment) -> Self {
        let text = |text: &str| Some(text.to_owned());
        let (status, message) = match payment.state() {
            State::Begun => (Status::Checking, None),
            State::Paid => (Status::Paid, None),
            State::Declined => (Status::Declined, payment.message().map(str::to_owned)),
            State::Closed => {
                (Status::Declined, text("The order was cancelled before it was paid; nothing was charged."))
            }
            State::RefundDue => (Status::Refunding, None),
            State::Stuck => (Status::Refunding, text("The refund takes longer than usual, and is being looked at.")),
            State::Refunded => (Status::Refunded, None),
        };
        Self { order_id: payment.order(), status, message }
    }
}
