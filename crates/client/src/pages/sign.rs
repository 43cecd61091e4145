//! `/auth/signup` and `/auth/signin`.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::form::{Problems, page, page_with};
use super::frame::{Frame, Viewer};
use super::redirect::{Next, see_other, with_session};
use crate::api::{Api, Failure, Session};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "sign.html")]
struct Sign {
    frame: Frame,
    kind: Kind,
    problems: Problems,
    email: String,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    SignUp,
    SignIn,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::SignUp => "Sign up",
            Self::SignIn => "Sign in",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::SignUp => "/auth/signup",
            Self::SignIn => "/auth/signin",
        }
    }
}

/// `?next=/orders`: where to go afterwards.
#[derive(Debug, Deserialize)]
pub(crate) struct Goal {
    #[serde(default)]
    next: Next,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Credentials {
    email: String,
    password: String,
    next: Next,
}

pub(crate) async fn show_signup(
    State(state): State<AppState>,
    api: Api,
    Query(goal): Query<Goal>,
) -> Result<Response, Failure> {
    show(&state, &api, Kind::SignUp, goal).await
}

pub(crate) async fn show_signin(
    State(state): State<AppState>,
    api: Api,
    Query(goal): Query<Goal>,
) -> Result<Response, Failure> {
    show(&state, &api, Kind::SignIn, goal).await
}

async fn show(state: &AppState, api: &Api, kind: Kind, Goal { next }: Goal) -> Result<Response, Failure> {
    let frame = Frame::new(state, api.viewer().await, kind.path());
    page(&Sign { frame, kind, problems: Problems::none(), email: String::new(), next })
}

pub(crate) async fn sign_up(
    State(state): State<AppState>,
    api: Api,
    Form(given): Form<Credentials>,
) -> Result<Response, Failure> {
    let session = api.sign_up(&given.email, &given.password).await;
    answer(&state, &api, Kind::SignUp, given, session).await
}

pub(crate) async fn sign_in(
    State(state): State<AppState>,
    api: Api,
    Form(given): Form<Credentials>,
) -> Result<Response, Failure> {
    let session = api.sign_in(&given.email, &given.password).await;
    answer(&state, &api, Kind::SignIn, given, session).await
}

/// Goes on with the session, or shows the form again, with everything but the password.
async fn answer(
    state: &AppState,
    api: &Api,
    kind: Kind,
    Credentials { email, next, .. }: Credentials,
    session: Result<Session, Failure>,
) -> Result<Response, Failure> {
    match session {
        Ok(session) => Ok(with_session(session, see_other(next.path())).into_response()),
        Err(failure) => {
            let problems = Problems::of_failure(failure)?;
            let frame = Frame::new(state, api.viewer().await, kind.path());
            page_with(problems.status, &Sign { frame, kind, problems, email, next })
        }
    }
}
