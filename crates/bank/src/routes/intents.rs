//! Payment intents: <https://docs.stripe.com/api/payment_intents>

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;

use super::perform::Change;
use super::show;
use crate::books::Intent;
use crate::state::AppState;
use crate::work::Work;

pub(crate) async fn create(State(state): State<AppState>, change: Change) -> Response {
    change.perform(&state, Work::CreateIntent).await
}

pub(crate) async fn confirm(State(state): State<AppState>, Path(id): Path<String>, change: Change) -> Response {
    change.perform(&state, Work::ConfirmIntent(id)).await
}

pub(crate) async fn cancel(State(state): State<AppState>, Path(id): Path<String>, change: Change) -> Response {
    change.perform(&state, Work::CancelIntent(id)).await
}

pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    show::one(&state, &id, Intent::shown).await
}

pub(crate) async fn list(State(state): State<AppState>, uri: Uri) -> Response {
    show::list(&state, &uri, &[], Intent::shown).await
}
