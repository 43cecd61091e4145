//! GET `/tickets/:id`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use common::events::{OrderStatus, TicketId};
use common::extract::PathId;
use tokio::join;

use super::form::{Problems, page_with};
use super::frame::{Frame, Viewer};
use crate::api::{Api, Failure, Order, Ticket};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    problems: Problems,
    position: Option<String>,
    ticket: Ticket,
    /// The order of its reader that has reserved or bought the ticket.
    order: Option<Order>,
}

impl TicketPage {
    /// Whether its reader sells the ticket.
    fn is_own(&self) -> bool {
        self.frame.user().is_some_and(|user| user.id == self.ticket.user_id)
    }

    /// Whether its reader has paid for the ticket.
    fn is_bought(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.status == OrderStatus::Complete)
    }
}

pub(crate) async fn show_ticket(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<TicketId>,
) -> Result<Response, Failure> {
    ticket_page(&state, &api, id, Problems::none()).await
}

/// The page of a ticket, with what was wrong with the form on it.
pub(super) async fn ticket_page(
    state: &AppState,
    api: &Api,
    id: TicketId,
    problems: Problems,
) -> Result<Response, Failure> {
    let position = api.position().await;
    let (viewer, ticket) = join!(api.viewer(), api.ticket(id));
    let (frame, ticket) = (Frame::new(state, viewer, ""), ticket?);
    let may_be_theirs = frame.is_signed_in() && (ticket.order_id.is_some() || !problems.is_empty());
    let order = if may_be_theirs { api.own_order_of(&ticket).await } else { None };
    page_with(problems.status, &TicketPage { frame, problems, position, ticket, order })
}
