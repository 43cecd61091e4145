//! What the handlers share.

use axum::extract::FromRef;
use common::Store;
use common::extract::SessionKey;

use crate::events::{TicketCreatedPublisher, TicketUpdatedPublisher};
use crate::models::Tickets;

/// What the handlers share. Its publishers are what this service may publish.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) tickets: Tickets,
    pub(crate) created: TicketCreatedPublisher,
    pub(crate) updated: TicketUpdatedPublisher,
    pub(crate) key: SessionKey,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}
