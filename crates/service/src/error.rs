//! Why a service ended.

use std::time::Duration;

use crate::tree::Path;

/// What a service returns if it can't go on: any error, with the action that failed as context.
pub type Error = anyhow::Error;

/// A service or task that failed, named by its path.
///
/// It travels up the tree unchanged, so a report names the service that failed first.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Failure {
    /// The place of the service or task that failed.
    pub path: Path,
    /// What happened.
    pub reason: Reason,
}

/// What happened to a service that failed.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It returned an error.
    #[error("{0:#}")]
    Failed(Error),
    /// It panicked, with this message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// It returned before it was ready.
    #[error("ended before it was ready")]
    EndedUnready,
    /// It returned without being asked to stop.
    #[error("ended without being asked to")]
    EndedUnasked,
    /// It did not become ready within this time.
    #[error("not ready within {0:?}")]
    NotReady(Duration),
    /// A live sibling has the same name.
    #[error("a service with this name is already running")]
    DuplicateName,
}

impl Failure {
    /// The failure of the service at `path`, unless `error` is already the failure of a service below it.
    pub(crate) fn of(path: &Path, error: Error) -> Error {
        if error.downcast_ref::<Self>().is_some() {
            return error;
        }
        Self { path: path.clone(), reason: Reason::Failed(error) }.into()
    }

    /// The error of type `E` that a service returned, if `error` is its failure or that error itself.
    pub fn cause<E: std::error::Error + Send + Sync + 'static>(error: &Error) -> Option<&E> {
        match error.downcast_ref::<Self>() {
            Some(Self { reason: Reason::Failed(returned), .. }) => returned.downcast_ref(),
            _ => error.downcast_ref(),
        }
    }

    pub(crate) fn because(path: &Path, reason: Reason) -> Error {
        Self { path: path.clone(), reason }.into()
    }
}

/// The service was asked to stop before what it waited for was there: a child, or a future.
///
/// Returning it from [`Service::run`](crate::Service::run) with `?` is a clean end, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked to stop")]
pub struct Stopped;
