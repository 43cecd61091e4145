//! An id in the path, as an argument of a handler.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::errors::ApiError;

/// The id in the path, as `PathId<TicketId>`; 404 if the text is not an id, since no record has such an id.
///
/// Upper-case digits are accepted. A handler that reports problems of the body first asks for a
/// `Result<PathId<TicketId>, ApiError>`.
#[derive(Clone, Copy, Debug)]
pub struct PathId<I>(pub I);

impl<S: Send + Sync, I: FromStr> FromRequestParts<S> for PathId<I> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        let (_, text) = parameters.iter().next().ok_or(ApiError::NotFound)?;
        text.to_ascii_lowercase().parse().map(Self).map_err(|_| ApiError::NotFound)
    }
}
