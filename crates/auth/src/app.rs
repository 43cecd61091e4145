//! All routes, readable aloud.

use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use common::errors::contract;
use common::extract::SessionKey;
use common::telemetry::Tracer;

use crate::models::{Passwords, Users};
use crate::routes::{current_user, signin, signout, signup};

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) users: Users,
    pub(crate) passwords: Passwords,
    pub(crate) key: SessionKey,
    /// How long a session lasts.
    pub(crate) good_for: Duration,
    /// Whether a proxy's word is taken for how a request came.
    pub(crate) trusts_proxy: bool,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/users/signup", post(signup))
        .route("/api/users/signin", post(signin))
        .route("/api/users/signout", post(signout))
        .route("/api/users/currentuser", get(current_user));
    contract(routes.with_state(state), tracer)
}
