//! All routes, readable aloud.

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use common::errors::contract;
use common::extract::SessionKey;
use common::store::Store;
use common::telemetry::Tracer;

use crate::events::{TicketCreatedPublisher, TicketUpdatedPublisher};
use crate::models::Tickets;
use crate::routes::{create_ticket, list_tickets, show_ticket, update_ticket};

/// What the handlers share; its outboxes are what this service may say.
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

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/tickets", get(list_tickets).post(create_ticket))
        .route("/api/tickets/{id}", get(show_ticket).put(update_ticket));
    contract(routes.with_state(state), tracer)
}
