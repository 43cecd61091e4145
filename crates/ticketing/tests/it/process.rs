//! The program, with what it prints.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use testkit::{Ended, Process, without_settings};
use ticketing::PROGRAMS;

/// The application's own program, without what this test's environment may say.
pub(crate) fn ticketing() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketing"));
    without_settings(&mut command, &PROGRAMS);
    command.env("CARGO_PKG_NAME", "ticketing"); // as cargo run says it
    command
}

/// An application that runs; killed when it is dropped, and its servers with it.
pub(crate) struct Program {
    process: Process,
    /// What it printed when it was ready.
    pub(crate) guide: String,
}

impl Program {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(data: &Path, options: &[&str]) -> Self {
        let mut program = Self::begin(data, "127.0.0.1:0", options);
        program.wait_until_ready();
        program
    }

    /// Starts it with its API at this address, and does not wait.
    pub(crate) fn begin(data: &Path, listen: &str, options: &[&str]) -> Self {
        let mut command = ticketing();
        command.args(["--free-ports", "--listen", listen, "--data-dir"]).arg(data).args(options);
        Self::of(command)
    }

    /// Starts it with this command, and does not wait.
    pub(crate) fn of(command: Command) -> Self {
        Self { process: Process::start(command), guide: String::new() }
    }

    pub(crate) fn wait_until_ready(&mut self) {
        self.guide = self.process.lines_until("Ctrl-C stops it.");
    }

    pub(crate) fn api(&self) -> SocketAddr {
        let line = self.guide.lines().find_map(|line| line.strip_prefix("  API         http://"));
        line.unwrap().strip_suffix("/api/tickets").unwrap().parse().unwrap()
    }

    /// The address of the test bank.
    pub(crate) fn bank(&self) -> SocketAddr {
        let line = self.guided("payments").strip_prefix("at a test bank, http://").unwrap();
        line.split(',').next().unwrap().parse().unwrap()
    }

    /// What stands behind the name of something in the guide.
    pub(crate) fn guided(&self, name: &str) -> &str {
        self.guide.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap().trim()
    }

    /// All of stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until a line of stderr contains this text.
    #[track_caller]
    pub(crate) fn expect_stderr(&mut self, text: &str) {
        self.process.expect_stderr(text);
    }

    /// Waits until it ends by itself; returns the exit code, and the lines of stderr.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, Vec<String>) {
        let code = self.process.ended().await.code();
        (code, self.process.stderr().lines().map(str::to_owned).collect())
    }

    /// Sends Ctrl-C, and waits until it has stopped; returns the exit code.
    pub(crate) fn interrupt(self) -> Option<i32> {
        self.end().code
    }

    /// As [`Self::interrupt`]; returns what it printed last, too.
    pub(crate) fn end(self) -> Ended {
        self.process.interrupt()
    }
}

/// Runs the program to its end.
pub(crate) fn run(options: &[&str], temporary: &Path) -> Output {
    ticketing().args(options).env("TMPDIR", temporary).output().unwrap()
}
