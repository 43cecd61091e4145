//! Why a request gets no answer of a service: the ingress's own answers, in the shape of the APIs' errors.

use std::error::Error as _;

use anyhow::anyhow;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::errors::SOMETHING_WENT_WRONG;
use hyper_util::client::legacy;
use serde_json::json;
use service::Error;

/// In seconds.
const RETRY: HeaderValue = HeaderValue::from_static("1");

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

#[derive(Debug)]
pub(super) enum Refusal {
    /// 404: no route covers the path.
    NotFound,
    /// 400: the client broke its request off, or its body is not valid HTTP.
    Broken,
    /// 503: the service is not there; it has not seen the request.
    Unavailable(Error),
    /// 502: the service broke off before it answered, or its answer is not valid HTTP.
    BadAnswer(Error),
}

impl Refusal {
    pub(super) fn unasked_upgrade() -> Self {
        Self::BadAnswer(anyhow!("it changed the protocol without being asked to"))
    }
}

impl From<legacy::Error> for Refusal {
    fn from(error: legacy::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
        // The body that was being sent is the client's, as axum hands it over.
        let is_of_body = cause.and_then(hyper::Error::source).is_some_and(|cause| cause.is::<axum::Error>());
        let is_unsent = error.is_connect() || cause.is_some_and(hyper::Error::is_canceled);
        match error {
            _ if is_of_body => Self::Broken,
            error if is_unsent => Self::Unavailable(error.into()),
            error => Self::BadAnswer(error.into()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => answer(StatusCode::NOT_FOUND, "Not Found"),
            Self::Broken => answer(StatusCode::BAD_REQUEST, SOMETHING_WENT_WRONG),
            Self::Unavailable(error) => {
                tracing::debug!("a request is refused: {error:#}");
                let message = "This service is not available now, please try again";
                ([(RETRY_AFTER, RETRY)], answer(StatusCode::SERVICE_UNAVAILABLE, message)).into_response()
            }
            Self::BadAnswer(error) => {
                tracing::warn!("a service gave no valid answer: {error:#}");
                answer(StatusCode::BAD_GATEWAY, "The service broke off before it answered: the outcome is not known")
            }
        }
    }
}

fn answer(status: StatusCode, message: &str) -> Response {
    let body = json!({ "errors": [{ "message": message }] }).to_string();
    (status, [(CONTENT_TYPE, JSON)], body).into_response()
}
