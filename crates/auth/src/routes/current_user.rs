//! GET /api/users/currentuser

use axum::Json;
use common::extract::CurrentUser;
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    current_user: Option<CurrentUser>,
}

pub(crate) async fn current_user(current_user: Option<CurrentUser>) -> Json<Answer> {
    Json(Answer { current_user })
}
