//! How a process ends: one table for every binary.

use std::process::{ExitCode, Termination};

/// The exit codes of every program of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the program did what was asked, and everything was stopped in order.
    Clean,
    /// 1: the program failed; the error is on stderr.
    Failed,
    /// 2: wrong usage. (clap exits with the same code on its own.)
    Usage,
    /// 3: the program to be controlled does not run.
    NotRunning,
    /// 4: the program runs already.
    AlreadyRunning,
    /// 5: the program stopped, but a service overran the deadline and was aborted.
    Aborted,
    /// 6: a comparison found a difference.
    Differs,
    /// 130: a second SIGINT (or any second signal that was one).
    Interrupted,
    /// 143: a second SIGTERM.
    Terminated,
}

impl Exit {
    /// The exit code as a number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::AlreadyRunning => 4,
            Self::Aborted => 5,
            Self::Differs => 6,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// An error with its own exit code, for a command that distinguishes reasons of failure.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Ending {
    /// The exit code.
    pub exit: Exit,
    /// The message on stderr.
    pub message: String,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
