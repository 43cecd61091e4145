//! Charges, which intents make: <https://docs.stripe.com/api/charges>

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;

use super::show;
use crate::books::Charge;
use crate::state::AppState;

pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    show::one(&state, &id, Charge::shown).await
}

pub(crate) async fn list(State(state): State<AppState>, uri: Uri) -> Response {
    show::list(&state, &uri, &[("payment_intent", "paymentIntent")], Charge::shown).await
}
