//! Running a command, and searching all that it prints.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use testkit::{Process, programs};

use super::{DIGITS, MARK};

/// The programs of the services.
pub(super) const SERVICES: [&str; 7] = ["auth", "tickets", "orders", "payments", "expiration", "gateway", "bank"];

/// A program with its environment and the options that all its commands have.
#[derive(Clone, Debug)]
pub(super) struct Run {
    program: &'static str,
    environment: Vec<(String, OsString)>,
    options: Vec<OsString>,
}

/// Fails if a secret is in this text.
#[track_caller]
pub(super) fn sought(what: &str, text: &str) {
    for secret in [MARK, DIGITS] {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{what} shows a secret: {}", line.unwrap_or_default());
    }
}

impl Run {
    /// With an empty environment, but for where things are on this machine.
    pub(super) fn of(program: &'static str) -> Self {
        let here = ["PATH", "HOME", "XDG_CACHE_HOME", "NATS_SERVER_BIN", "MONGOD_BIN"];
        let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let environment = environment.filter(|(name, _)| here.contains(&name.as_str())).collect();
        Self { program, environment, options: Vec::new() }
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn envs<V: AsRef<str>>(mut self, variables: &[(&str, V)]) -> Self {
        self.environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().into())));
        self
    }

    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.environment.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    pub(super) fn log(self, filter: &str) -> Self {
        self.env("RUST_LOG", filter).env("RUST_BACKTRACE", "1")
    }

    pub(super) fn rundir(mut self, folder: &Path) -> Self {
        self.options.extend(["--rundir".into(), folder.into()]);
        self
    }

    fn process(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(programs().join(self.program));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(&self.options).args(arguments);
        Process::start(command)
    }

    /// Runs these arguments to the end, and searches the output; an error if it did not succeed.
    #[track_caller]
    pub(super) fn sought_all(&self, arguments: &[&str]) -> Result<(), String> {
        let ended = self.process(arguments).end();
        let said = [ended.stdout, ended.stderr].concat().join("\n");
        sought(&format!("{} {arguments:?}", self.program), &said);
        assert!(!said.contains("panicked"), "{} {arguments:?}: {said}", self.program);
        if ended.code == Some(0) { Ok(()) } else { Err(said) }
    }

    /// The same, for arguments without blanks.
    #[track_caller]
    pub(super) fn sought(&self, arguments: &str) -> Result<(), String> {
        self.sought_all(&arguments.split(' ').filter(|argument| !argument.is_empty()).collect::<Vec<_>>())
    }

    /// Runs until stdout has this line, or, if it is empty, until something is logged; then stops it.
    #[track_caller]
    pub(super) fn sought_until(&self, arguments: &str, line: &str) {
        let mut process =
            self.process(&arguments.split(' ').filter(|argument| !argument.is_empty()).collect::<Vec<_>>());
        let mut said = if line.is_empty() {
            process.expect_stderr("");
            String::new()
        } else {
            process.lines_until(line)
        };
        let before = process.stderr();
        let ended = process.interrupt();
        said += &[before, ended.stdout.join("\n"), ended.stderr.join("\n")].concat();
        sought(&format!("{} {arguments}", self.program), &said);
        assert_eq!(ended.code, Some(0), "{said}");
    }
}
