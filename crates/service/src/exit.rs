//! How a process ends: one table for every binary.

use std::process::{ExitCode, Termination};

/// The exit codes of every program of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: did what was asked, everything undone in order.
    Clean,
    /// 1: failed; the error is on stderr.
    Failed,
    /// 2: wrong usage. (clap exits with the same code by itself.)
    Usage,
    /// 3: the program to be controlled is not running.
    NotRunning,
    /// 4: it is already running.
    AlreadyRunning,
    /// 5: stopped, but something overran the deadline and had to be aborted.
    Aborted,
    /// 6: it has compared, and what it has compared differs.
    Differs,
    /// 130: a second SIGINT (or any second signal that was one).
    Interrupted,
    /// 143: a second SIGTERM.
    Terminated,
}

impl Exit {
    /// The number the shell sees.
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

/// An error with an exit code of its own, for a command that has more to say than that it failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Ending {
    /// The code.
    pub exit: Exit,
    /// What stands on stderr.
    pub message: String,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
