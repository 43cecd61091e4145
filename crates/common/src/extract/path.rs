//! An id in the path, as an argument of a handler.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::Id;
use crate::errors::ApiError;

/// The path's parameter; 404 when it is no id, since nothing has such a one.
///
/// In a handler with a body, whose problems are told first, ask for a `Result<TicketId, ApiError>`.
impl<S: Send + Sync, K> FromRequestParts<S> for Id<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        let (_, text) = parameters.iter().next().ok_or(ApiError::NotFound)?;
        Self::try_from(text.to_ascii_lowercase()).map_err(|_| ApiError::NotFound)
    }
}
