//! All routes, readable aloud.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::Answer;
use crate::books::new_id;
use crate::routes::{balance, charges, events, faults, intents, methods, refunds};
use crate::state::AppState;

/// The version of Stripe's API whose shapes these are.
pub(crate) const API_VERSION: &str = "2026-09-30.clover";

const MAX_BODY_BYTES: usize = 100 * 1024;

/// The whole API.
pub(crate) fn app(state: AppState) -> Router {
    let limit = DefaultBodyLimit::max(MAX_BODY_BYTES);
    let routes = Router::new()
        .route("/v1/account", get(balance::account))
        .route("/v1/balance", get(balance::balance))
        .route("/v1/charges", get(charges::list))
        .route("/v1/charges/{id}", get(charges::show))
        .route("/v1/events", get(events::list))
        .route("/v1/events/{id}", get(events::show))
        .route("/v1/payment_intents", get(intents::list).post(intents::create))
        .route("/v1/payment_intents/{id}", get(intents::show))
        .route("/v1/payment_intents/{id}/cancel", post(intents::cancel))
        .route("/v1/payment_intents/{id}/confirm", post(intents::confirm))
        .route("/v1/payment_methods", post(methods::create))
        .route("/v1/payment_methods/{id}", get(methods::show))
        .route("/v1/refunds", get(refunds::list).post(refunds::create))
        .route("/v1/refunds/{id}", get(refunds::show))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn_with_state(state.clone(), authorized));
    let faults = state.faults.clone().map(|faults| {
        let all = get(faults::list).post(faults::order).delete(faults::clear);
        Router::new().route("/-/faults", all).with_state(faults)
    });
    routes.with_state(state).merge(faults.unwrap_or_default()).layer(limit)
}

/// Checks the key of the account, and gives the answer an id.
async fn authorized(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut answer = match key_of(request.headers()) {
        Some(key) if key == state.secret.reveal() => next.run(request).await,
        Some(key) => {
            let shown: String = key.chars().take(8).collect();
            let message = format!("Invalid API Key provided: {shown}****");
            Answer::error(401, "invalid_request_error", message, &[]).into_response()
        }
        None => {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization header, \
                           using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
            Answer::error(401, "invalid_request_error", message, &[]).into_response()
        }
    };
    if let Ok(id) = HeaderValue::from_str(&new_id("req")) {
        answer.headers_mut().insert("request-id", id);
    }
    answer.headers_mut().insert("stripe-version", HeaderValue::from_static(API_VERSION));
    answer
}

/// The key: as a bearer token, or as the user of basic authentication.
fn key_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if let Some(key) = value.strip_prefix("Bearer ") {
        return Some(key.to_owned());
    }
    let login = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
    login.split(':').next().map(str::to_owned)
}

async fn unknown(request: Request) -> Answer {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!(
        "Unrecognized request URL ({method}: {path}). The test bank has the part of Stripe's API that the payments service \
         uses."
    );
    Answer::error(404, "invalid_request_error", message, &[])
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = self.status.try_into().unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body)).into_response()
    }
}
