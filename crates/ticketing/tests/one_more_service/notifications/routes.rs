//! The API.

use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Json, Router};
use common::errors::{ApiError, contract};
use common::extract::{CurrentUser, SessionKey};
use serde::Serialize;
use telemetry::Tracer;

use super::notification::Notifications;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) notifications: Notifications,
    pub(crate) key: SessionKey,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new().route("/api/notifications", get(list));
    contract(routes.with_state(state), tracer)
}

/// A notification as the API shows it.
#[derive(Debug, Serialize)]
struct Shown {
    text: String,
}

/// GET /api/notifications: those of the signed-in user, the newest first.
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Json<Vec<Shown>>, ApiError> {
    let found = state.notifications.of_user(user.id).await?;
    Ok(Json(found.into_iter().map(|notification| Shown { text: notification.text }).collect()))
}
