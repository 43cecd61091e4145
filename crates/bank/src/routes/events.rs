//! Events: <https://docs.stripe.com/api/events>

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;

use super::show;
use crate::books::Event;
use crate::state::AppState;

pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    show::one(&state, &id, Event::shown).await
}

pub(crate) async fn list(State(state): State<AppState>, uri: Uri) -> Response {
    show::list(&state, &uri, &[("type", "type")], Event::shown).await
}
