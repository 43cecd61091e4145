//! GET `/tickets/:id`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use common::events::TicketId;
use common::extract::PathId;
use tokio::join;

use super::form::{Problems, page_with};
use super::frame::{Frame, Viewer};
use crate::api::{Api, Failure, Ticket};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    problems: Problems,
    position: Option<String>,
    ticket: Ticket,
}

impl TicketPage {
    /// Whether its reader sells the ticket.
    fn is_own(&self) -> bool {
        self.frame.user().is_some_and(|user| user.id == self.ticket.user_id)
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
    let frame = Frame::new(state, viewer, "");
    page_with(problems.status, &TicketPage { frame, problems, position, ticket: ticket? })
}
