//! `/auth/signout`.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::form::page;
use super::frame::{Frame, Viewer};
use super::redirect::{see_other, with_session};
use crate::api::{Api, Failure};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "signout.html")]
struct SignOut {
    frame: Frame,
}

pub(crate) async fn show_signout(State(state): State<AppState>, api: Api) -> Result<Response, Failure> {
    page(&SignOut { frame: Frame::new(&state, api.viewer().await, "/auth/signout") })
}

pub(crate) async fn sign_out(api: Api) -> Result<Response, Failure> {
    Ok(with_session(api.sign_out().await?, see_other("/")))
}
