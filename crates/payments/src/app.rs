//! All routes, readable aloud.

use axum::Router;
use axum::routing::{get, post};
use common::errors::contract;
use telemetry::Tracer;

use crate::routes::{pay, receive_webhook, show_payment};
use crate::state::AppState;

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/payments", post(pay))
        .route("/api/payments/webhook", post(receive_webhook))
        .route("/api/payments/{orderId}", get(show_payment));
    contract(routes.with_state(state), tracer)
}
