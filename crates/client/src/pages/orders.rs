//! GET `/orders`: the user's orders, the newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use common::events::{OrderId, OrderStatus};
use tokio::join;

use super::form::page;
use super::frame::{Frame, Viewer};
use super::list::{Behind, PAGE};
use crate::api::{Api, Failure, Listed, Order};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    position: Option<String>,
    after: Option<OrderId>,
    list: Listed<Order>,
}

impl OrdersPage {
    /// What the page follows, and from where on: the orders that may still change.
    fn follows(&self) -> Option<(String, &str)> {
        let open = self.list.items.iter().filter(|order| is_open(order));
        let open: Vec<_> = open.map(|order| format!("order={}", order.id)).collect();
        let position = self.position.as_deref()?;
        (!open.is_empty()).then(|| (open.join("&"), position))
    }

    /// The name of the badge's style, and its text.
    fn badge(&self, order: &Order) -> (&'static str, &'static str) {
        match order.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => ("open", "Waiting for payment"),
            OrderStatus::Complete => ("complete", "Paid"),
            OrderStatus::Cancelled => ("cancelled", "Cancelled"),
        }
    }
}

fn is_open(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Created | OrderStatus::AwaitingPayment)
}

pub(crate) async fn show_orders(
    State(state): State<AppState>,
    api: Api,
    Query(Behind { after }): Query<Behind<OrderId>>,
) -> Result<Response, Failure> {
    let position = api.position().await;
    let (viewer, list) = join!(api.viewer(), api.own_orders(after, PAGE));
    page(&OrdersPage { frame: Frame::new(&state, viewer, "/orders"), position, after, list: list? })
}
