//! What the handlers share.

use axum::extract::FromRef;
use common::Store;
use common::extract::SessionKey;
use service::Live;
use store::Projection;

use crate::events::{OrderCancelledPublisher, OrderCreatedPublisher};
use crate::models::{Orders, Ticket};
use crate::settings::OrdersSettings;

/// What the handlers share. Its publishers are what this service may publish.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) orders: Orders,
    pub(crate) tickets: Projection<Ticket>,
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
