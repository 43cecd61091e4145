//! All paths.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};
use common::errors::ApiError;
use telemetry::Tracer;
use tower_http::csrf::CsrfLayer;

use crate::api::Failure;
use crate::assets::show_asset;
use crate::pages::{
    cancel_order, edit_ticket, pay_order, purchase, sell_ticket, show_edit, show_landing, show_mine, show_new,
    show_order, show_orders, show_signin, show_signout, show_signup, show_ticket, sign_in, sign_out, sign_up, to_order,
    to_ticket,
};
use crate::refusals::in_pages;
use crate::security::secured;
use crate::state::AppState;

/// The largest form, in bytes.
const MAX_FORM: usize = 100 * 1024;

pub(crate) fn app(state: AppState, tracer: Tracer) -> Router {
    let pages = Router::new()
        .route("/", get(show_landing))
        .route("/auth/signup", get(show_signup).post(sign_up))
        .route("/auth/signin", get(show_signin).post(sign_in))
        .route("/auth/signout", get(show_signout).post(sign_out))
        .route("/tickets/new", get(show_new).post(sell_ticket))
        .route("/tickets/mine", get(show_mine))
        .route("/tickets/{id}", get(show_ticket))
        .route("/tickets/{id}/edit", get(show_edit).post(edit_ticket))
        .route("/tickets/{id}/purchase", get(to_ticket).post(purchase))
        .route("/orders", get(show_orders))
        .route("/orders/{id}", get(show_order))
        .route("/orders/{id}/pay", get(to_order).post(pay_order))
        .route("/orders/{id}/cancel", get(to_order).post(cancel_order))
        .route("/assets/{name}", get(show_asset))
        .fallback(async || Failure::NotFound)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(CsrfLayer::new()) // its refusal becomes a page
        .layer(from_fn_with_state(state.clone(), in_pages))
        .layer(from_fn(secured))
        .with_state(state);
    // Where nobody sends the other paths of the APIs elsewhere, they come here.
    let apis = any(async || ApiError::NotFound);
    let paths = ["/api", "/api/{*path}"];
    let routes = paths.into_iter().fold(pages, |routes, path| routes.route(path, apis.clone()));
    common::normalized(common::traced(routes, tracer))
}
