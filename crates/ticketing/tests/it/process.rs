//! The program, with what it prints.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The application's own program, without what this test's environment may say.
pub(crate) fn ticketing() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketing"));
    for name in [
        "JWT_KEY",
        "MONGO_URI",
        "NATS_URL",
        "NATS_CLUSTER_ID",
        "NATS_CLIENT_ID",
        "ORDER_WINDOW_SECONDS",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        command.env_remove(name);
    }
    command
}

/// One that runs; killed when it is dropped, and its servers with it.
pub(crate) struct Program {
    child: Child,
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
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        Self { child, guide: String::new() }
    }

    pub(crate) fn wait_until_ready(&mut self) {
        for line in BufReader::new(self.child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            self.guide.push_str(&line);
            self.guide.push('\n');
            if line == "Ctrl-C stops it." {
                return;
            }
        }
        panic!("it ended: {}", self.guide);
    }

    pub(crate) fn api(&self) -> SocketAddr {
        let line = self.guide.lines().find_map(|line| line.strip_prefix("  API         http://"));
        line.unwrap().parse().unwrap()
    }

    /// Ctrl-C; tells the exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs it to its end.
pub(crate) fn run(options: &[&str], temporary: &Path) -> Output {
    let mut child = ticketing()
        .args(options)
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| text)
    });
    let output = child.wait_with_output().unwrap();
    Output { stderr: said.join().unwrap().unwrap(), ..output }
}
