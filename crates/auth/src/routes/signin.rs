//! POST /api/users/signin

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use common::errors::ApiError;
use common::extract::{Client, Fields, FromBody, Valid};
use serde_json::Value;

use super::cookie::signed_in;
use crate::models::{Email, Password};
use crate::state::AppState;

pub(crate) struct Credentials {
    email: Email,
    password: String,
}

impl FromBody for Credentials {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        let email = fields.read("email", Email::parse);
        let password = fields.read("password", |value| {
            // A password of blanks is none, as in the course, unless an account can have it.
            let text = value.and_then(Value::as_str).filter(|text| !text.trim().is_empty() || Password::accepts(text));
            text.map(str::to_owned).ok_or("You must supply a password")
        });
        Some(Self { email: email?, password: password? })
    }
}

pub(crate) async fn signin(
    State(state): State<AppState>,
    client: Client,
    Valid(Credentials { email, password }): Valid<Credentials>,
) -> Result<impl IntoResponse, ApiError> {
    let user = state.users.find(&email).await?;
    // The same work and the same words, whether or not there is such a person.
    let kept = user.as_ref().map(|user| user.password().to_owned());
    let is_right = state.passwords.verify(password, kept).await?;
    let user = user.filter(|_| is_right).ok_or(ApiError::BadRequest("Invalid credentials"))?;
    let (cookie, shown) = signed_in(&state, &client, &user)?;
    Ok((cookie, Json(shown)))
}
