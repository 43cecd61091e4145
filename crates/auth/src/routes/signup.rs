//! POST /api/users/signup

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use common::errors::ApiError;
use common::extract::{Client, Fields, FromBody, Valid};

use super::cookie::signed_in;
use crate::models::{Email, Password, User};
use crate::state::AppState;

pub(crate) struct NewUser {
    email: Email,
    password: Password,
}

impl FromBody for NewUser {
    fn from_body(fields: &mut Fields) -> Option<Self> {
        let email = fields.read("email", Email::parse);
        let password = fields.read("password", Password::parse);
        Some(Self { email: email?, password: password? })
    }
}

pub(crate) async fn signup(
    State(state): State<AppState>,
    client: Client,
    Valid(new): Valid<NewUser>,
) -> Result<impl IntoResponse, ApiError> {
    const IN_USE: ApiError = ApiError::BadRequest("Email in use");
    if state.users.find(&new.email).await?.is_some() {
        return Err(IN_USE); // before the expensive hash; the unique index decides when two sign up concurrently
    }
    let user = User::new(&new.email, state.passwords.hash(new.password).await?);
    state.users.insert(&user).await?.map_err(|_| IN_USE)?;
    let (cookie, shown) = signed_in(&state, &client, &user)?;
    Ok((StatusCode::CREATED, cookie, Json(shown)))
}
