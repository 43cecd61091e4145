//! POST /api/users/signout

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::cookie::cleared;

pub(crate) async fn signout() -> impl IntoResponse {
    (cleared(), Json(json!({})))
}
