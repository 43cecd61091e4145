//! Payment methods: <https://docs.stripe.com/api/payment_methods>

use axum::extract::{Path, State};

use axum::response::Response;

use super::perform::Change;
use super::show;
use crate::books::Method;
use crate::state::AppState;
use crate::work::Work;

pub(crate) async fn create(State(state): State<AppState>, change: Change) -> Response {
    change.perform(&state, Work::CreateMethod).await
}

pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    show::one(&state, &id, Method::shown).await
}
