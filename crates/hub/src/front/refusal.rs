//! Answers that say what is wrong, as text.

use std::fmt::Display;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use crate::Unavailable;

pub(super) fn refusal(status: StatusCode, reason: impl Display) -> Response {
    (status, format!("{reason}\n")).into_response()
}

pub(super) fn unavailable(error: Unavailable) -> Response {
    ([(RETRY_AFTER, "1")], refusal(StatusCode::SERVICE_UNAVAILABLE, error)).into_response()
}

pub(super) fn too_many(reason: impl Display) -> Response {
    ([(RETRY_AFTER, "5")], refusal(StatusCode::SERVICE_UNAVAILABLE, reason)).into_response()
}
