//! All routes, readable aloud.

use axum::Router;
use axum::routing::get;
use common::errors::contract;
use telemetry::Tracer;

use crate::routes::{create_ticket, list_tickets, show_ticket, update_ticket};
use crate::state::AppState;

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/tickets", get(list_tickets).post(create_ticket))
        .route("/api/tickets/{id}", get(show_ticket).put(update_ticket));
    contract(routes.with_state(state), tracer)
}
