//! Why an API does not do what it is asked for.

use serde::Deserialize;
use service::Error;

/// Why an API, or a page, does not do what it is asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input is refused, or a rule of the business forbids it.
    Refused(Vec<Refused>),
    /// Nobody is signed in, or the record belongs to another user.
    NotAuthorized,
    /// There is no such record or page.
    NotFound,
    /// The service does not answer, or not as it should: it is not known whether it has done anything.
    Away {
        /// What the service is for, as a reader of a page knows it: `The list of tickets`.
        what: &'static str,
        cause: Error,
    },
    /// A fault of the client itself.
    Fault(Error),
}

/// One entry of an error answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Refused {
    pub(crate) message: String,
    /// The field of the body that is wrong, if one is.
    #[serde(default)]
    pub(crate) field: Option<String>,
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Fault(error.into())
    }
}
