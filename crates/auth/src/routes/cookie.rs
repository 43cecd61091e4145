//! The session cookie, as it is set and cleared.

use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::AppendHeaders;
use common::errors::ApiError;

use super::Shown;
use crate::models::User;
use crate::state::AppState;

/// The header that clears the cookie, letter by letter as in the course.
const CLEARED: &str = "session=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly";

type SetCookie = AppendHeaders<[(axum::http::HeaderName, String); 1]>;

/// Signs a user in: the cookie, and the user as the API shows it.
pub(super) fn signed_in(state: &AppState, request: &HeaderMap, user: &User) -> Result<(SetCookie, Shown), ApiError> {
    let (id, email) = (user.id(), user.email().to_owned());
    let value = state.key.sign(id, email.clone(), state.session_length)?;
    let secure = if state.trusts_proxy && came_by_https(request) { "secure; " } else { "" };
    let cookie = format!("session={value}; path=/; {secure}httponly; samesite=lax");
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Shown { email, id }))
}

pub(super) fn cleared() -> SetCookie {
    AppendHeaders([(SET_COOKIE, CLEARED.to_owned())])
}

/// Whether the first proxy says that the request came by https.
fn came_by_https(request: &HeaderMap) -> bool {
    let by = request.get("x-forwarded-proto").and_then(|by| by.to_str().ok()).unwrap_or_default();
    by.split(',').next().is_some_and(|by| by.trim().eq_ignore_ascii_case("https"))
}
