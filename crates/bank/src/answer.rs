//! What the bank answers: an object, or an error in Stripe's shape.
//!
//! The shapes are those of <https://docs.stripe.com/api/errors>.

use serde_json::{Map, Value, json};

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Why a request had no effect. It is not kept under an idempotency key.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The request is wrong.
    Invalid(Answer),
    /// The database has failed.
    Failed(anyhow::Error),
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An error with fields beside its type and message.
    pub(crate) fn error(status: u16, kind: &str, message: impl Into<String>, more: &[(&str, Value)]) -> Self {
        let mut error = Map::new();
        error.insert("type".to_owned(), kind.into());
        error.insert("message".to_owned(), message.into().into());
        for (name, value) in more {
            error.insert((*name).to_owned(), value.clone());
        }
        Self { status, body: json!({ "error": error }) }
    }
}

impl Refused {
    /// The answer to a request with this path. A failure is logged, and answered with 500.
    pub(crate) fn answer_to(self, path: &str) -> Answer {
        match self {
            Self::Invalid(answer) => answer,
            Self::Failed(error) => {
                tracing::error!("{path}: {error:#}");
                Answer::error(500, "api_error", "The books can't be read or written now", &[])
            }
        }
    }

    /// 400: the request can't be carried out.
    pub(crate) fn because(message: impl Into<String>) -> Self {
        Self::Invalid(Answer::error(400, "invalid_request_error", message, &[]))
    }

    /// 400, with Stripe's code of the error.
    pub(crate) fn coded(code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(Answer::error(400, "invalid_request_error", message, &[("code", code.into())]))
    }

    /// 400: a parameter is wrong.
    pub(crate) fn parameter(param: &str, code: &str, message: impl Into<String>) -> Self {
        let more = [("code", code.into()), ("param", param.into())];
        Self::Invalid(Answer::error(400, "invalid_request_error", message, &more))
    }

    /// 404: there is no such object.
    pub(crate) fn missing(param: &str, what: &str, id: &str) -> Self {
        let more = [("code", "resource_missing".into()), ("param", param.into())];
        Self::Invalid(Answer::error(404, "invalid_request_error", format!("No such {what}: '{id}'"), &more))
    }
}

impl From<mongodb::error::Error> for Refused {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl store::Aborted for Refused {
    fn database_error(&self) -> Option<&mongodb::error::Error> {
        match self {
            Self::Failed(error) => error.database_error(),
            Self::Invalid(_) => None,
        }
    }
}
