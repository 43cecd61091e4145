//! `/tickets/new` and `/tickets/:id/edit`: the form of a ticket.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use common::events::TicketId;
use common::extract::PathId;
use serde::Deserialize;
use tokio::join;

use super::form::{Problems, page, page_with};
use super::frame::{Frame, Viewer};
use super::redirect::see_other;
use crate::api::{Api, Failure};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "offer.html")]
struct OfferPage {
    frame: Frame,
    problems: Problems,
    /// The ticket that is edited; `None` for a new one.
    ticket: Option<TicketId>,
    offer: Offer,
}

/// What the form says, as it was written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Offer {
    title: String,
    price: String,
}

impl OfferPage {
    fn title(&self) -> &'static str {
        if self.ticket.is_some() { "Edit a ticket" } else { "Sell a ticket" }
    }

    fn action(&self) -> String {
        self.ticket.map_or_else(|| "/tickets/new".to_owned(), |id| format!("/tickets/{id}/edit"))
    }
}

pub(crate) async fn show_new(State(state): State<AppState>, api: Api) -> Result<Response, Failure> {
    let frame = Frame::new(&state, api.viewer().await, "/tickets/new");
    if matches!(frame.viewer, Viewer::Nobody) {
        return Err(Failure::NotAuthorized);
    }
    page(&OfferPage { frame, problems: Problems::none(), ticket: None, offer: Offer::default() })
}

pub(crate) async fn sell_ticket(
    State(state): State<AppState>,
    api: Api,
    Form(offer): Form<Offer>,
) -> Result<Response, Failure> {
    match api.sell(&offer.title, &offer.price).await {
        Ok(ticket) => Ok(see_other(&format!("/tickets/{}", ticket.id)).into_response()),
        Err(failure) => again(&state, &api, None, offer, Problems::of_failure(failure)?).await,
    }
}

pub(crate) async fn show_edit(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<TicketId>,
) -> Result<Response, Failure> {
    let (viewer, ticket) = join!(api.viewer(), api.ticket(id));
    let (frame, ticket) = (Frame::new(&state, viewer, ""), ticket?);
    if frame.user().is_none_or(|user| user.id != ticket.user_id) {
        return Err(Failure::NotAuthorized);
    }
    if ticket.order_id.is_some() {
        return Ok(see_other(&format!("/tickets/{id}")).into_response());
    }
    let offer = Offer { title: ticket.title, price: ticket.price.to_string() };
    page(&OfferPage { frame, problems: Problems::none(), ticket: Some(id), offer })
}

pub(crate) async fn edit_ticket(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<TicketId>,
    Form(offer): Form<Offer>,
) -> Result<Response, Failure> {
    match api.edit(id, &offer.title, &offer.price).await {
        Ok(_) => Ok(see_other(&format!("/tickets/{id}")).into_response()),
        Err(failure) => again(&state, &api, Some(id), offer, Problems::of_failure(failure)?).await,
    }
}

/// The form, with what was written and what is wrong with it.
async fn again(
    state: &AppState,
    api: &Api,
    ticket: Option<TicketId>,
    offer: Offer,
    problems: Problems,
) -> Result<Response, Failure> {
    let here = if ticket.is_none() { "/tickets/new" } else { "" };
    let frame = Frame::new(state, api.viewer().await, here);
    page_with(problems.status, &OfferPage { frame, problems, ticket, offer })
}
