//! Pages as answers, and what is wrong with a form.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::api::{Failure, Refused};

/// The page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, Failure> {
    page_with(StatusCode::OK, template)
}

/// The page as an answer with this status.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Failure> {
    Ok((status, Html(template.render()?)).into_response())
}

/// That something is away, for whoever needs it.
pub(crate) fn away(what: &str) -> String {
    format!("{what} is not available at the moment. Please try again in a few seconds.")
}

/// What is wrong with a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    /// Of the answer that shows them.
    pub(super) status: StatusCode,
    all: Vec<Refused>,
}

impl Problems {
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Those of an API, if it has refused the input; any other failure is one of the page.
    pub(super) fn of_refusal(failure: Failure) -> Result<Self, Failure> {
        match failure {
            Failure::Refused(all) => Ok(Self { status: StatusCode::BAD_REQUEST, all }),
            other => Err(other),
        }
    }

    /// The same, or that the service is away: an error page would lose what was written.
    pub(super) fn of_failure(failure: Failure) -> Result<Self, Failure> {
        match failure {
            Failure::Away { what, cause } => {
                tracing::warn!("{cause:#}");
                Ok(Self::one(StatusCode::SERVICE_UNAVAILABLE, &away(what)))
            }
            other => Self::of_refusal(other),
        }
    }

    /// One that belongs to no field.
    pub(super) fn one(status: StatusCode, message: &str) -> Self {
        Self { status, all: vec![Refused { message: message.to_owned(), field: None }] }
    }

    /// Whether it is not known what the form has done.
    pub(super) fn is_unknown(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn all(&self) -> &[Refused] {
        &self.all
    }

    /// What is wrong with a field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        let problem = self.all.iter().find(|problem| problem.field.as_deref() == Some(field));
        problem.map(|problem| problem.message.as_str())
    }
}
