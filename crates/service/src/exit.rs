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
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
