//! `/orders/:id`: paying, cancelling, and the outcome.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Redirect, Response};
use common::events::{OrderId, timestamp};
use common::extract::PathId;
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::join;

use super::cards::CARDS;
use super::form::{Problems, page_with};
use super::frame::{Frame, Viewer};
use super::redirect::see_other;
use super::stage::Stage;
use crate::api::{Api, Failure, Order};
use crate::security::POLICY_WITH_STRIPE;
use crate::state::AppState;

const UNKNOWN: &str = "It is not known yet whether your payment was made: do not pay again before this page shows it";

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    problems: Problems,
    position: Option<String>,
    order: Order,
    stage: Stage,
    /// Why a card was declined before, or what there is to say about a refund.
    message: Option<String>,
    /// The time by the clock that ends the order.
    now: OffsetDateTime,
    stripe_key: Option<Arc<str>>,
    /// The card that was chosen before.
    token: String,
}

impl OrderPage {
    fn now(&self) -> String {
        timestamp::text(&self.now)
    }

    fn ends(&self) -> String {
        timestamp::text(&self.order.expires_at)
    }

    /// The time of day at which the order ends, in UTC.
    fn ends_at(&self) -> String {
        let time = self.order.expires_at.to_offset(time::UtcOffset::UTC);
        time.format(format_description!("[hour]:[minute]:[second]")).unwrap_or_default()
    }

    /// The message, unless the page says it already.
    fn message(&self) -> Option<&str> {
        self.message.as_deref().filter(|_| self.problems.is_empty())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Card {
    token: String,
}

pub(crate) async fn show_order(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<OrderId>,
) -> Result<Response, Failure> {
    order_page(&state, &api, id, Problems::none(), String::new()).await
}

pub(crate) async fn pay_order(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<OrderId>,
    Form(Card { token }): Form<Card>,
) -> Result<Response, Failure> {
    let problems = match api.pay(id, &token).await {
        Ok(()) => return Ok(see_other(&format!("/orders/{id}")).into_response()),
        Err(Failure::Away { cause, .. }) => {
            tracing::warn!("the outcome of a payment is not known yet: {cause:#}");
            Problems::one(StatusCode::SERVICE_UNAVAILABLE, UNKNOWN)
        }
        Err(failure) => Problems::of_refusal(failure)?,
    };
    order_page(&state, &api, id, problems, token).await
}

pub(crate) async fn cancel_order(
    State(state): State<AppState>,
    api: Api,
    PathId(id): PathId<OrderId>,
) -> Result<Response, Failure> {
    match api.cancel(id).await {
        Ok(()) => Ok(see_other(&format!("/orders/{id}")).into_response()),
        Err(failure) => order_page(&state, &api, id, Problems::of_refusal(failure)?, String::new()).await,
    }
}

/// GET on the path of a form, as after a sign in or a reload: the page of the order.
pub(crate) async fn to_order(PathId(id): PathId<OrderId>) -> Redirect {
    see_other(&format!("/orders/{id}"))
}

/// The page of an order, with what was wrong with the form on it.
async fn order_page(
    state: &AppState,
    api: &Api,
    id: OrderId,
    problems: Problems,
    token: String,
) -> Result<Response, Failure> {
    let position = api.position().await;
    let (viewer, order, payment) = join!(api.viewer(), api.order(id), api.payment(id));
    let (order, now) = order?;
    let (stage, message) = Stage::of(&order, payment, now);
    // The payments service has not said yet that an attempt has begun.
    let stage = if stage == Stage::ToPay && problems.is_unknown() { Stage::Checking } else { stage };
    let frame = Frame::new(state, viewer, "");
    let stripe_key = state.stripe_key.clone();
    let shows_stripe = stage == Stage::ToPay && stripe_key.is_some();
    let answer = page_with(
        problems.status,
        &OrderPage { frame, problems, position, order, stage, message, now, stripe_key, token },
    )?;
    Ok(if shows_stripe { ([(CONTENT_SECURITY_POLICY, POLICY_WITH_STRIPE)], answer).into_response() } else { answer })
}
