//! The session cookie, as it is set and cleared.

use axum::http::header::SET_COOKIE;
use axum::response::AppendHeaders;
use common::errors::ApiError;
use common::extract::Client;

use super::Shown;
use crate::models::User;
use crate::state::AppState;

/// The header that clears the cookie, letter by letter as in the course.
const CLEARED: &str = "session=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly";

type SetCookie = AppendHeaders<[(axum::http::HeaderName, String); 1]>;

/// Signs a user in: the cookie, and the user as the API shows it.
pub(super) fn signed_in(state: &AppState, client: &Client, user: &User) -> Result<(SetCookie, Shown), ApiError> {
    let (id, email) = (user.id(), user.email().to_owned());
    let value = state.key.sign(id, email.clone(), state.session_length)?;
    let secure = if client.is_https { "secure; " } else { "" };
    let cookie = format!("session={value}; path=/; {secure}httponly; samesite=lax");
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Shown { email, id }))
}

pub(super) fn cleared() -> SetCookie {
    AppendHeaders([(SET_COOKIE, CLEARED.to_owned())])
}
