//! A program as a child process.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lines::{Lines, NoLine};
use crate::{LIMIT, until_in};

/// How long a process may take to end: above the time that a service has for its stop.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A child process whose output is collected; it is killed when this is dropped.
///
/// While a test panics, the drop prints the process's stderr.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; none when a signal has ended it.
    pub code: Option<i32>,
    /// The lines of stdout that were not read before.
    pub stdout: Vec<String>,
    /// The lines of stderr that were not read before.
    pub stderr: Vec<String>,
}

/// The folder of this build's programs.
pub fn programs() -> PathBuf {
    // A test's own binary is in `target/debug/deps`.
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

impl Process {
    /// Starts the command, with a pipe for each of its streams.
    ///
    /// # Panics
    ///
    /// When it can't be started.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("first cargo test --workspace --no-run, which builds all programs: {}: {error}", program.display())
        });
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { stdin: child.stdin.take(), child, stdout: Lines::of(stdout), stderr: Lines::of(stderr) }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Writes a line to stdin.
    pub fn type_line(&mut self, text: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{text}").unwrap();
    }

    /// The next line of stdout, without its end.
    ///
    /// # Panics
    ///
    /// When none comes within [`LIMIT`].
    #[track_caller]
    pub fn line(&mut self) -> String {
        let line = self.stdout.next(Instant::now() + LIMIT);
        line.unwrap_or_else(|reason| match reason {
            NoLine::InTime => panic!("no line in time; stderr: {}", self.stderr.text()),
            NoLine::Left => panic!("it ended; stderr: {}", self.stderr.text()),
        })
    }

    /// Checks the next line of stdout.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Waits until stdout has this line; returns what was printed up to and with it.
    ///
    /// # Panics
    ///
    /// When it does not come within [`LIMIT`] after the line before.
    #[track_caller]
    pub fn lines_until(&mut self, last: &str) -> String {
        let mut text = String::new();
        loop {
            let line = self.line();
            text.push_str(&line);
            text.push('\n');
            if line == last {
                return text;
            }
        }
    }

    /// Waits until a line of stderr contains this text.
    ///
    /// # Panics
    ///
    /// When none does within [`LIMIT`].
    #[track_caller]
    pub fn expect_stderr(&mut self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.stderr.next(deadline).unwrap_or_else(|_| panic!("never on stderr: {text}")).contains(text) {}
    }

    /// The next line of stdout, if there is one already.
    pub fn try_line(&mut self) -> Option<String> {
        self.stdout.try_next()
    }

    /// The next line of stderr, if there is one already.
    pub fn try_stderr_line(&mut self) -> Option<String> {
        self.stderr.try_next()
    }

    /// Whether both streams have ended, and all lines of them were read.
    pub fn is_over(&self) -> bool {
        self.stdout.is_over() && self.stderr.is_over()
    }

    /// The lines of stdout so far that were not read.
    pub fn so_far(&mut self) -> Vec<String> {
        self.stdout.unread()
    }

    /// The lines of stderr so far that were not read.
    pub fn stderr_so_far(&mut self) -> Vec<String> {
        self.stderr.unread()
    }

    /// All of stderr so far, read or not.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    /// Waits until it ends, without blocking the thread.
    ///
    /// # Panics
    ///
    /// When it does not end within a minute.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until_in(ENDS_WITHIN, "the end of a process", || {
            status = self.status();
            std::future::ready(status.is_some())
        })
        .await;
        status.unwrap()
    }

    /// Waits until it ends; blocks the thread.
    ///
    /// # Panics
    ///
    /// When it does not end within a minute.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + ENDS_WITHIN;
        let status = loop {
            if let Some(status) = self.status() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end; stderr: {}", self.stderr.text());
            thread::sleep(Duration::from_millis(5));
        };
        Ended { code: status.code(), stdout: self.stdout.rest(deadline), stderr: self.stderr.rest(deadline) }
    }

    /// Closes stdin, and waits until it ends.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.wait()
    }

    /// Sends Ctrl-C, closes stdin, and waits until it ends.
    #[track_caller]
    pub fn interrupt(self) -> Ended {
        self.signal(Signal::SIGINT);
        self.end()
    }

    /// The CPU time that it has used, in clock ticks; Linux only.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the harness shows it with the failed test")]
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprint!("stderr of process {}:\n{}", self.child.id(), self.stderr.text());
        }
    }
}
