//! Request bodies, parsed into checked types.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::LengthLimitError;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::errors::{ApiError, Problem, SOMETHING_WENT_WRONG};

/// How large a body may be, in bytes: the course's 100 kB.
const MAX_BODY_BYTES: usize = 100 * 1024;

/// How long a client may take to send a body. A stop waits for it.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// A body whose fields are all valid; a handler that asks for it never gets another.
#[derive(Clone, Debug)]
pub struct Valid<T>(pub T);

/// A type that is read from a body, field by field.
pub trait FromBody: Sized {
    /// Reads the fields; `None` if one of them is invalid. Reads all of them, so that the answer reports every problem.
    fn from_body(fields: &mut Fields) -> Option<Self>;
}

/// The fields of a body, and the problems found in them.
#[derive(Debug, Default)]
pub struct Fields {
    values: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    /// Reads one field; a problem is recorded under the name of the field.
    pub fn read<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(Option<&Value>) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.values.get(name)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(Problem { message: error.to_string(), field: Some(name) });
                None
            }
        }
    }
}

impl<S: Sync, T: FromBody> FromRequest<S> for Valid<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let malformed = ApiError::BadRequest(SOMETHING_WENT_WRONG);
        let body = read(request.into_body()).await?;
        let mut fields = Fields::default();
        if is_json && !body.is_empty() {
            match serde_json::from_slice(&body) {
                Ok(Value::Object(values)) => fields.values = values,
                Ok(Value::Array(_)) => {} // no fields, as in the course
                Ok(_) | Err(_) => return Err(malformed),
            }
        }
        let value = T::from_body(&mut fields);
        match value {
            Some(value) if fields.problems.is_empty() => Ok(Self(value)),
            _ => Err(ApiError::Invalid(fields.problems)),
        }
    }
}

/// Reads a whole body.
///
/// # Errors
///
/// 413 if it is larger than 100 kB; 400 if it is malformed, breaks off, or takes longer than 10 s.
pub async fn read(body: Body) -> Result<Bytes, ApiError> {
    match timeout(READ_WITHIN, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.source().is_some_and(|error| error.is::<LengthLimitError>()) => Err(ApiError::TooLarge),
        Ok(Err(_)) | Err(_) => Err(ApiError::BadRequest(SOMETHING_WENT_WRONG)),
    }
}

/// Whether the body is declared as JSON. Another body is ignored, as in the course.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
