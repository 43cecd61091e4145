//! GET `/`: the tickets that can be bought.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use common::events::TicketId;
use tokio::join;

use super::form::page;
use super::frame::{Frame, Viewer};
use super::list::{Behind, PAGE};
use crate::api::{Api, Failure, Listed, Ticket};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    frame: Frame,
    position: Option<String>,
    after: Option<TicketId>,
    list: Listed<Ticket>,
}

pub(crate) async fn show_landing(
    State(state): State<AppState>,
    api: Api,
    Query(Behind { after }): Query<Behind<TicketId>>,
) -> Result<Response, Failure> {
    let position = api.position().await;
    let (viewer, list) = join!(api.viewer(), api.free_tickets(after, PAGE));
    page(&Landing { frame: Frame::new(&state, viewer, "/"), position, after, list: list? })
}
