//! The API of the auth service.

use axum::http::{HeaderValue, Method};
use common::events::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Api;
use super::failure::Failure;

/// Who reads the page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) email: String,
}

/// The cookies that begin or end a session.
pub(crate) type Session = Vec<HeaderValue>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Current {
    current_user: Option<User>,
}

impl Api {
    /// Who is signed in.
    pub(crate) async fn current_user(&self) -> Result<Option<User>, Failure> {
        if !self.has_session() {
            return Ok(None);
        }
        let answer = self.get::<Current>(self.auth(), "/api/users/currentuser").await?;
        Ok(answer.value.current_user)
    }

    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Result<Session, Failure> {
        self.begin("/api/users/signup", email, password).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<Session, Failure> {
        self.begin("/api/users/signin", email, password).await
    }

    async fn begin(&self, path: &str, email: &str, password: &str) -> Result<Session, Failure> {
        let body = json!({ "email": email, "password": password });
        Ok(self.call::<Value>(self.auth(), Method::POST, path, Some(&body)).await?.cookies)
    }

    pub(crate) async fn sign_out(&self) -> Result<Session, Failure> {
        Ok(self.call::<Value>(self.auth(), Method::POST, "/api/users/signout", None).await?.cookies)
    }
}
