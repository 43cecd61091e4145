//! What the pages may use.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::api::Services;
use crate::assets::Assets;

/// What the pages may use. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    /// The services' APIs.
    pub(crate) services: Services,
    /// The style sheet, the scripts and the icon.
    pub(crate) assets: Arc<Assets>,
    /// Stripe's key for browsers, with which its own form is shown; without it, the test cards are.
    pub(crate) stripe_key: Option<Arc<str>>,
}

impl FromRef<AppState> for Services {
    fn from_ref(state: &AppState) -> Self {
        state.services.clone()
    }
}

impl FromRef<AppState> for Arc<Assets> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.assets)
    }
}
