//! The program of one service.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use nix::sys::signal::Signal;

use crate::{Api, Process, free_port, programs};

/// A service's own program; it keeps its ports when it is started again.
#[derive(Debug)]
pub struct ServiceProgram {
    /// Name of the service.
    pub name: &'static str,
    /// The address of its HTTP API, if it has one.
    pub address: SocketAddr,
    /// The API of its probes.
    pub admin: Api,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    process: Process,
    /// The log of the processes before this one.
    earlier_log: String,
}

fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}

impl ServiceProgram {
    /// Starts the program of this build; its run folder is `folder`. At the failpoint, if one is named, it kills itself.
    pub fn start(name: &'static str, environment: &[(&str, &str)], folder: &Path, failpoint: Option<&str>) -> Self {
        Self::start_from(&programs(), name, environment, folder, failpoint)
    }

    /// As [`ServiceProgram::start`], from another folder of programs.
    pub fn start_from(
        programs: &Path,
        name: &'static str,
        environment: &[(&str, &str)],
        folder: &Path,
        failpoint: Option<&str>,
    ) -> Self {
        let (address, admin) = (free_address(), Api { address: free_address() });
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut environment: Vec<_> = environment.iter().map(own).collect();
        environment.push(("HTTP__BIND".to_owned(), address.to_string())); // ignored by a service without an API
        let (binary, folder) = (programs.join(name), folder.to_owned());
        let process = spawn(&binary, &environment, &folder, admin, failpoint);
        Self { name, address, admin, binary, environment, folder, process, earlier_log: String::new() }
    }

    /// Starts it again after its end, without a failpoint.
    pub fn start_again(&mut self) {
        self.start_again_with(None);
    }

    /// Starts it again after its end; at this failpoint it kills itself.
    pub fn start_again_until(&mut self, failpoint: &str) {
        self.start_again_with(Some(failpoint));
    }

    fn start_again_with(&mut self, failpoint: Option<&str>) {
        self.earlier_log.push_str(&self.process.stderr());
        self.process = spawn(&self.binary, &self.environment, &self.folder, self.admin, failpoint);
    }

    /// What it has logged so far, before its last start too.
    pub fn log(&self) -> String {
        self.earlier_log.clone() + &self.process.stderr()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Sends SIGTERM, and waits until it has stopped; returns the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.process.ended().await.code()
    }

    /// The answer of its probe `/readyz`: the status, 0 when there is no answer, and the components that are not ready.
    pub async fn readiness(&self, query: &str) -> (u16, String) {
        match self.admin.try_raw(format!("GET /readyz{query} HTTP/1.0\r\n\r\n").as_bytes()).await {
            Some(answer) => (answer.status, answer.json()["not_ready"].to_string()),
            None => (0, String::new()),
        }
    }

    /// Whether its probe says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.readiness("").await.0 == 200
    }
}

fn spawn(
    binary: &Path,
    environment: &[(String, String)],
    folder: &Path,
    admin: Api,
    failpoint: Option<&str>,
) -> Process {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new(binary);
    command.args(["run", "--rundir"]).arg(folder).args(["--admin", &admin.address.to_string()]);
    command.envs(environment.iter().cloned());
    if let Some(point) = failpoint {
        command.env("FAILPOINTS", format!("{point}=return"));
    }
    Process::start(command)
}
