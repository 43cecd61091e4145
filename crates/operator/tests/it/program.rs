//! The program, with what it prints.

use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::Broker;

/// The program as these tests type it.
pub(crate) const TYPED: &str = env!("CARGO_BIN_EXE_operator");

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command without a terminal, and without the settings of the test's environment.
pub(crate) fn operator(options: &[&str]) -> Command {
    let mut command = Command::new(TYPED);
    for name in ["CARGO_PKG_NAME", "MONGO_URI", "NATS_URL", "NATS_CLUSTER_ID", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"]
    {
        command.env_remove(name);
    }
    command.arg("bus").args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The command on this broker.
pub(crate) fn command(broker: &Broker, options: &[&str]) -> Command {
    operator(&[options, &["--nats-url", broker.url()]].concat())
}

/// Runs a command on this broker to its end.
pub(crate) async fn bus(broker: &Broker, options: &[&str]) -> Ended {
    let command = command(broker, options);
    tokio::task::spawn_blocking(move || run(command)).await.unwrap()
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    /// The stdout of a command that succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The stderr of a command that failed with this exit code.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr
    }
}

/// One JSON value on each line.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}
