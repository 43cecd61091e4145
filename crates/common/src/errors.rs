//! Error answers, all in the one shape of the contract: `{"errors":[{"message","field"?}]}`.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures_util::FutureExt;
use serde::Serialize;
#[cfg(feature = "mongo")]
use store::in_words;
use telemetry::Tracer;
use tower_http::csrf::CsrfLayer;

use crate::requests::{normalized, traced};

/// The message of an error about which the course says nothing more.
pub const SOMETHING_WENT_WRONG: &str = "Something went wrong";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Why a request is refused or has failed.
#[derive(Debug)]
pub enum ApiError {
    /// 400: these fields are invalid.
    Invalid(Vec<Problem>),
    /// 400: a rule of the business forbids it.
    BadRequest(&'static str),
    /// 401: nobody is signed in, or the record belongs to another user.
    NotAuthorized,
    /// 403: a page of another site has made a browser send the request.
    CrossSite,
    /// 404: there is no such record or path.
    NotFound,
    /// 413: the body is larger than 100 kB.
    TooLarge,
    /// 503: the service is too busy, or the outcome is not known yet; the client may try again after a second.
    Unavailable(&'static str),
    /// 500: a fault of the service or its database; the cause is logged.
    Fault(anyhow::Error),
}

/// One entry of an error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong, for people.
    pub message: String,
    /// The field of the body, or the parameter, that is wrong; `None` if no field is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        if is_busy(&error) {
            tracing::warn!("{}", in_words(&error));
            return Self::Unavailable("The database is busy");
        }
        Self::Fault(error)
    }
}

#[cfg(feature = "mongo")]
impl From<mongodb::error::Error> for ApiError {
    fn from(error: mongodb::error::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

#[cfg(feature = "mongo")]
impl store::Aborted for ApiError {
    fn database_error(&self) -> Option<&mongodb::error::Error> {
        match self {
            Self::Fault(error) => error.database_error(),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(problems) => answer(StatusCode::BAD_REQUEST, problems),
            Self::BadRequest(message) => answer_with(StatusCode::BAD_REQUEST, message),
            Self::NotAuthorized => answer_with(StatusCode::UNAUTHORIZED, "Not authorized"),
            Self::CrossSite => {
                answer_with(StatusCode::FORBIDDEN, "This request comes from another site and is refused")
            }
            Self::NotFound => answer_with(StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => answer_with(StatusCode::PAYLOAD_TOO_LARGE, "Request body is larger than 100 kB"),
            Self::Unavailable(message) => {
                ([(RETRY_AFTER, "1")], answer_with(StatusCode::SERVICE_UNAVAILABLE, message)).into_response()
            }
            Self::Fault(error) => {
                tracing::error!("{}", in_words(&error));
                answer_with(StatusCode::INTERNAL_SERVER_ERROR, SOMETHING_WENT_WRONG)
            }
        }
    }
}

/// Whether the database had too much to do, or blocks.
#[cfg(feature = "mongo")]
fn is_busy(error: &anyhow::Error) -> bool {
    store::Aborted::database_error(error).is_some_and(store::is_busy)
}

#[cfg(not(feature = "mongo"))]
fn is_busy(_: &anyhow::Error) -> bool {
    false
}

/// An error with its causes, in one line.
#[cfg(not(feature = "mongo"))]
fn in_words(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn answer_with(status: StatusCode, message: &str) -> Response {
    answer(status, vec![Problem { message: message.to_owned(), field: None }])
}

fn answer(status: StatusCode, errors: Vec<Problem>) -> Response {
    #[derive(Serialize)]
    struct Body {
        errors: Vec<Problem>,
    }
    (status, [(CONTENT_TYPE, JSON)], Json(Body { errors })).into_response()
}

/// Makes the routes of a service keep the contract: a path that is not found, a refusal of the framework and a panic are
/// answered in the one shape, and every body is JSON in UTF-8.
///
/// A request that a page of another site has made a browser send is answered with 403, unless its method changes nothing:
/// GET, HEAD or OPTIONS. A browser says so in `Sec-Fetch-Site`, or by an `Origin` whose host is not `Host`; what is not a
/// browser sends neither. Each request is a step of its trace.
pub fn contract(routes: Router, tracer: Tracer) -> Router {
    let routes = routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::NotFound) // as in the course, which knows no 405
        .layer(CsrfLayer::new().with_rejection_response(|_| ApiError::CrossSite.into_response()))
        .layer(from_fn(in_shape));
    normalized(traced(routes, tracer))
}

/// Answers panics and refusals of the framework in the contract's shape.
async fn in_shape(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut answer = answer.unwrap_or_else(|_| answer_with(StatusCode::INTERNAL_SERVER_ERROR, SOMETHING_WENT_WRONG));
    let status = answer.status();
    match answer.headers().get(CONTENT_TYPE) {
        Some(kind) if kind == "application/json" => {
            answer.headers_mut().insert(CONTENT_TYPE, JSON);
            answer
        }
        Some(kind) if *kind == JSON => answer,
        // A refusal of the framework: a path that is not UTF-8, for example.
        _ if status.is_client_error() || status.is_server_error() => answer_with(status, SOMETHING_WENT_WRONG),
        _ => answer,
    }
}
