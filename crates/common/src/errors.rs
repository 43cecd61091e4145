//! Every answer that is an error, in the contract's one shape: `{"errors":[{"message","field"?}]}`.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures_util::FutureExt;
use serde::Serialize;
use telemetry::{CORRELATION_ID, Tracer};
use tower_layer::Layer;

use crate::requests::{record_status, step_of};

/// What the course answers when it can't say more.
pub const SOMETHING_WENT_WRONG: &str = "Something went wrong";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Why a request is not done.
#[derive(Debug)]
pub enum ApiError {
    /// 400: these fields will not do.
    Invalid(Vec<Problem>),
    /// 400: the rules of the business say no.
    BadRequest(&'static str),
    /// 401: nobody is signed in, or it is not theirs.
    NotAuthorized,
    /// 404: there is no such thing.
    NotFound,
    /// 413: the body is larger than 100 kB.
    TooLarge,
    /// 500: our own fault, or our database's; the cause is logged.
    Fault(anyhow::Error),
}

/// One entry of an error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// With which field of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        Self::Fault(error)
    }
}

#[cfg(feature = "mongo")]
impl From<mongodb::error::Error> for ApiError {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Fault(error.into())
    }
}

#[cfg(feature = "mongo")]
impl store::Aborted for ApiError {
    fn database_error(&self) -> Option<&mongodb::error::Error> {
        match self {
            Self::Fault(error) => error.database_error(),
            Self::Invalid(_) | Self::BadRequest(_) | Self::NotAuthorized | Self::NotFound | Self::TooLarge => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(problems) => shaped(StatusCode::BAD_REQUEST, problems),
            Self::BadRequest(message) => said(StatusCode::BAD_REQUEST, message),
            Self::NotAuthorized => said(StatusCode::UNAUTHORIZED, "Not authorized"),
            Self::NotFound => said(StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => said(StatusCode::PAYLOAD_TOO_LARGE, "Request body is larger than 100 kB"),
            Self::Fault(error) => {
                tracing::error!("{error:#}");
                said(StatusCode::INTERNAL_SERVER_ERROR, SOMETHING_WENT_WRONG)
            }
        }
    }
}

fn said(status: StatusCode, message: &str) -> Response {
    shaped(status, vec![Problem { message: message.to_owned(), field: None }])
}

fn shaped(status: StatusCode, errors: Vec<Problem>) -> Response {
    #[derive(Serialize)]
    struct Body {
        errors: Vec<Problem>,
    }
    (status, [(CONTENT_TYPE, JSON)], Json(Body { errors })).into_response()
}

/// Holds a service's routes to the contract: whatever is not found, refused by the framework, or panics, is answered in
/// the one shape, and everything is JSON in UTF-8.
///
/// Each request is a step of its trace.
pub fn contract(routes: Router, tracer: Tracer) -> Router {
    let routes = routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::NotFound) // as in the course, which knows no 405
        .layer(from_fn(shape))
        .layer(from_fn_with_state(tracer, traced));
    Router::new().fallback_service(map_request(as_express_has_it).layer(routes))
}

/// The course's router ignores the case of a path, and one slash at its end.
async fn as_express_has_it(mut request: Request) -> Request {
    let path = request.uri().path();
    let plain = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_ascii_lowercase();
    if plain != path {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{plain}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Makes a request a step of its trace, and tells its correlation id in the answer.
async fn traced(State(tracer): State<Tracer>, request: Request, next: Next) -> Response {
    let step = step_of(&tracer, &request);
    let mut answer = step.scope(next.run(request)).await;
    record_status(&step, answer.status());
    if let Ok(id) = HeaderValue::from_str(step.correlation_id()) {
        answer.headers_mut().insert(CORRELATION_ID, id);
    }
    answer
}

async fn shape(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut answer = answer.unwrap_or_else(|_| said(StatusCode::INTERNAL_SERVER_ERROR, SOMETHING_WENT_WRONG));
    let status = answer.status();
    match answer.headers().get(CONTENT_TYPE) {
        Some(kind) if kind == "application/json" => {
            answer.headers_mut().insert(CONTENT_TYPE, JSON);
            answer
        }
        Some(kind) if *kind == JSON => answer,
        // The framework's own words: a path that is no UTF-8, say.
        _ if status.is_client_error() || status.is_server_error() => said(status, SOMETHING_WENT_WRONG),
        _ => answer,
    }
}
