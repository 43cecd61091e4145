//! All routes, readable aloud.

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use common::errors::contract;
use common::extract::SessionKey;
use common::store::Store;
use common::telemetry::Tracer;
use service::Live;

use crate::config::OrdersSettings;
use crate::events::{OrderCancelledPublisher, OrderCreatedPublisher};
use crate::models::{Orders, Tickets};
use crate::routes::{cancel_order, create_order, list_orders, show_order};

/// What the handlers share; its outboxes are what this service may say.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) orders: Orders,
    pub(crate) tickets: Tickets,
    pub(crate) created: OrderCreatedPublisher,
    pub(crate) cancelled: OrderCancelledPublisher,
    pub(crate) key: SessionKey,
    pub(crate) settings: Live<OrdersSettings>,
}

impl FromRef<AppState> for SessionKey {
    fn from_ref(state: &AppState) -> Self {
        state.key.clone()
    }
}

/// The whole API.
pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let routes = Router::new()
        .route("/api/orders", get(list_orders).post(create_order))
        .route("/api/orders/{orderId}", get(show_order).delete(cancel_order));
    contract(routes.with_state(state), tracer)
}
