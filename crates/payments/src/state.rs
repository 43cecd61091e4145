//! What the handlers share.

use axum::extract::FromRef;
use common::Store;
use common::extract::SessionKey;
use service::settings::Secret;
use store::Projection;

use crate::charging::Charging;
use crate::models::{Order, Payments};

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) orders: Projection<Order>,
    pub(crate) payments: Payments,
    pub(crate) charging: Charging,
    pub(crate) key: SessionKey,
    /// The secret that webhooks are signed with, if they are wanted.
    pub(crate) webhook_secret: Option<Secret>,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}
