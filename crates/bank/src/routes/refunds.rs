//! Refunds: <https://docs.stripe.com/api/refunds>

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;

use super::perform::Change;
use super::show;
use crate::books::Refund;
use crate::state::AppState;
use crate::work::Work;

pub(crate) async fn create(State(state): State<AppState>, change: Change) -> Response {
    change.perform(&state, Work::CreateRefund).await
}

pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    show::one(&state, &id, Refund::shown).await
}

pub(crate) async fn list(State(state): State<AppState>, uri: Uri) -> Response {
    show::list(&state, &uri, &[("payment_intent", "paymentIntent"), ("charge", "charge")], Refund::shown).await
}
