//! Every refusal as a page: those of the services, of the framework, and our own.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::{Api, Failure};
use crate::pages::{self, Frame, Viewer, away, page_with, see_other};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    text: String,
}

/// What a failure adds to what its status says.
#[derive(Clone, Debug)]
struct Said(Arc<str>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let said = |text: &str| axum::Extension(Said(text.into()));
        match self {
            Self::Refused(refused) => {
                let all: Vec<_> = refused.into_iter().map(|refused| refused.message).collect();
                (StatusCode::BAD_REQUEST, said(&all.join(". "))).into_response()
            }
            Self::NotAuthorized => StatusCode::UNAUTHORIZED.into_response(),
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Away { what, cause } => {
                tracing::warn!("{cause:#}");
                (StatusCode::SERVICE_UNAVAILABLE, said(what)).into_response()
            }
            Self::Fault(error) => {
                tracing::error!("{error:#}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Answers with a page where the answer would be an error without one. Who must sign in is sent there, and comes back
/// afterwards.
pub(crate) async fn in_pages(State(state): State<AppState>, api: Api, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let answer = next.run(request).await;
    let status = answer.status();
    let is_page = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let viewer = api.viewer().await;
    if status == StatusCode::UNAUTHORIZED && matches!(viewer, Viewer::Nobody) {
        let next = pages::Next::from(&path);
        let next = utf8_percent_encode(next.path(), NON_ALPHANUMERIC);
        return see_other(&format!("/auth/signin?next={next}")).into_response();
    }
    let said = answer.extensions().get::<Said>().map(|Said(said)| &**said);
    let is_unknown = status == StatusCode::UNAUTHORIZED && matches!(viewer, Viewer::Unknown);
    let (status, said) =
        if is_unknown { (StatusCode::SERVICE_UNAVAILABLE, Some("Signing in")) } else { (status, said) };
    let (status, title, text) = explained(status, said);
    let shown = page_with(status, &ErrorPage { frame: Frame::new(&state, viewer, ""), title, text });
    let mut shown = shown.unwrap_or_else(|_| (status, title).into_response());
    if let Some(allowed) = answer.headers().get(ALLOW) {
        shown.headers_mut().insert(ALLOW, allowed.clone());
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        shown.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    shown
}

/// The status, the title and the text of an error page.
fn explained(status: StatusCode, said: Option<&str>) -> (StatusCode, &'static str, String) {
    let (status, title, text) = match status {
        StatusCode::UNAUTHORIZED => {
            (StatusCode::FORBIDDEN, "This is somebody else's", "Only who owns it may see or change it.")
        }
        StatusCode::FORBIDDEN => (status, "Refused", "This request came from a page of another site."),
        StatusCode::NOT_FOUND => (status, "Page not found", "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => (status, "Not possible", "This address can't be used in this way."),
        StatusCode::PAYLOAD_TOO_LARGE => (status, "Too much", "The form is larger than 100 kB."),
        StatusCode::SERVICE_UNAVAILABLE => {
            return (status, "Please try again", away(said.unwrap_or("A part of the shop")));
        }
        status if status.is_server_error() => {
            (status, "Something went wrong", "The fault is ours, and was recorded. Please try again.")
        }
        status => (status, "Something is wrong with the request", said.unwrap_or("It can't be read.")),
    };
    (status, title, text.to_owned())
}
