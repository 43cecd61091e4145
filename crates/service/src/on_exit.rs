//! What the end of a service means.

use crate::error::{Error, Failure, Reason, Stopped};
use crate::tree::Path;

/// What it means that a child ended without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// The parent stops too, and fails with the child's failure. The default.
    Escalate,
    /// The parent goes on; a failure is logged and stays visible in the tree.
    Allow,
}

/// How a body ended: with its result, or with a panic.
pub(crate) type Ended = std::thread::Result<Result<(), Error>>;

/// What the meaning of an end depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Whether the service was asked to stop.
    pub(crate) was_asked: bool,
    pub(crate) was_ready: bool,
    /// Whether the service may end unasked, once it was ready.
    pub(crate) may_end: bool,
    /// Whether the service is the root of its tree, which may end at any time.
    pub(crate) is_root: bool,
}

/// The failure that the end of a body is, if it is one.
pub(crate) fn failure_of(path: &Path, ended: Ended, when: Circumstances) -> Option<Error> {
    match ended {
        Err(panic) => Some(panicked(path, panic.as_ref())),
        Ok(Err(error)) if when.was_asked && error.is::<Stopped>() => None,
        Ok(Err(error)) => Some(Failure::of(path, error)),
        Ok(Ok(())) if when.was_asked || when.is_root => None,
        Ok(Ok(())) if !when.was_ready => Some(Failure::because(path, Reason::EndedUnready)),
        Ok(Ok(())) if when.may_end => None,
        Ok(Ok(())) => Some(Failure::because(path, Reason::EndedUnasked)),
    }
}

/// The failure that a panic is.
pub(crate) fn panicked(path: &Path, panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Failure::because(path, Reason::Panicked(text.unwrap_or_else(|| "no message".to_owned())))
}
