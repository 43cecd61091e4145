//! All routes, readable aloud.

use axum::Router;
use axum::routing::get;
use common::errors::contract;
use telemetry::Tracer;

use crate::routes::{cancel_order, create_order, list_orders, show_order};
use crate::state::AppState;

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/orders", get(list_orders).post(create_order))
        .route("/api/orders/{orderId}", get(show_order).delete(cancel_order));
    contract(routes.with_state(state), tracer)
}
