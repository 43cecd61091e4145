//! All routes, readable aloud.

use axum::Router;
use axum::routing::{get, post};
use common::errors::contract;
use telemetry::Tracer;

use crate::routes::{current_user, signin, signout, signup};
use crate::state::AppState;

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/users/signup", post(signup))
        .route("/api/users/signin", post(signin))
        .route("/api/users/signout", post(signout))
        .route("/api/users/currentuser", get(current_user));
    contract(routes.with_state(state), tracer)
}
