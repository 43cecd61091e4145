//! Why a service ended.

use std::time::Duration;

use crate::tree::Path;

/// What a service returns when it can't go on: any error, with what was being done as context.
pub type Error = anyhow::Error;

/// A service or task that failed, named by its path.
///
/// Travels up the tree unchanged, so whoever reports it names the part that failed first.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Failure {
    /// The part that failed.
    pub path: Path,
    /// What happened to it.
    pub reason: Reason,
}

/// What happened to a part that failed.
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
    /// It returned although nobody had asked it to stop.
    #[error("ended without being asked to")]
    EndedUnasked,
    /// It did not become ready within this time.
    #[error("not ready within {0:?}")]
    NotReady(Duration),
    /// A live sibling has the same name.
    #[error("a part of this name is already running")]
    DuplicateName,
}

impl Failure {
    /// The failure of the part at `path`, unless `error` already tells of a part further down.
    pub(crate) fn of(path: &Path, error: Error) -> Error {
        if error.downcast_ref::<Self>().is_some() {
            return error;
        }
        Self { path: path.clone(), reason: Reason::Failed(error) }.into()
    }

    /// The error of type `E` that a part returned and that came up to here as `error`, if that is what it is.
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

/// A start that was given up because the parent itself was asked to stop.
///
/// Returning it from [`Service::run`](crate::Service::run) with `?` is a clean end, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked to stop while starting")]
pub struct Stopped;
