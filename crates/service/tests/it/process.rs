//! A service as a process: signals in, exit codes out.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The example program; cargo builds it beside the tests.
fn stubborn() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/stubborn")
}

struct Program {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(behaviour: &str) -> Self {
        let mut command = Command::new(stubborn());
        let mut child =
            command.arg(behaviour).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cargo test builds it");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn wait_for(&mut self, line: &str) {
        let mut read = String::new();
        self.stdout.read_line(&mut read).unwrap();
        assert_eq!(read.trim_end(), line);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

#[test]
fn sigint_and_sigterm_end_an_orderly_program_with_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut program = Program::start("patient");
        program.wait_for("ready");
        program.signal(signal);
        assert_eq!(program.end(), (Some(0), String::new()));
    }
}

#[test]
fn a_failure_ends_it_with_1_and_one_line_naming_the_part() {
    assert_eq!(Program::start("fail").end(), (Some(1), "error: program/part: the disk is full\n".to_owned()));
    let (code, stderr) = Program::start("panic").end();
    assert_eq!(code, Some(1));
    assert!(stderr.ends_with("error: program/part: panicked: a bug\n"), "{stderr}");
}

#[test]
fn a_part_that_had_to_be_aborted_ends_it_with_5_and_its_path() {
    let mut program = Program::start("overrun");
    program.wait_for("ready");
    program.signal(Signal::SIGTERM);
    program.wait_for("stopping");
    let error = "error: did not stop in time and was aborted: program/part\n".to_owned();
    assert_eq!(program.end(), (Some(5), error));
}

#[test]
fn a_second_signal_ends_it_at_once_with_130_or_143() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut program = Program::start("endless");
        program.wait_for("ready");
        program.signal(signal);
        program.wait_for("stopping");
        program.signal(signal);
        assert_eq!(program.end(), (Some(code), String::new()));
    }
}
