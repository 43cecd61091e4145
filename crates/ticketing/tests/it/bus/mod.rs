//! `ticketing bus`, on a broker with somebody to look at.

mod dlq;
mod looking;
mod shop;

use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::Broker;

use crate::process::ticketing;

/// How a command ended, and what it printed.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The command, with nobody at a terminal.
fn command(broker: &Broker, options: &[&str]) -> Command {
    let mut command = ticketing();
    command.arg("bus").args(options).args(["--nats-url", broker.url()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
async fn bus(broker: &Broker, options: &[&str]) -> Said {
    let mut command = command(broker, options);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Said {
    /// What it printed, when it did what it was told.
    #[track_caller]
    fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// What it said, when it failed like that.
    #[track_caller]
    fn ill(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr
    }
}

/// One JSON value on each line.
fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}
