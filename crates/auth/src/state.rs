//! What the handlers share.

use std::time::Duration;

use axum::extract::FromRef;
use common::extract::SessionKey;

use crate::models::{Passwords, Users};

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) users: Users,
    pub(crate) passwords: Passwords,
    pub(crate) key: SessionKey,
    /// How long a session lasts after signing in.
    pub(crate) session_length: Duration,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}
