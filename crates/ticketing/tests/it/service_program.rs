//! The program of one service, beside the application's own.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{Api, free_port, until};

const LOG: &str = "stderr.log";

/// A service's own program, on the same port whenever it is started.
pub(crate) struct ServiceProgram {
    pub(crate) name: &'static str,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    /// Where its probes are.
    pub(crate) admin: Api,
    child: Child,
}

fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}

impl ServiceProgram {
    /// Starts it; its files are in the folder.
    pub(crate) fn start(name: &'static str, environment: &[(&str, &str)], folder: &Path, fault: Option<&str>) -> Self {
        let (address, admin) = (free_address(), Api { address: free_address() });
        let mut environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if name != "expiration" {
            environment.push(("HTTP__BIND".to_owned(), address.to_string()));
        }
        let folder = folder.to_owned();
        let child = Self::spawn(name, &environment, &folder, admin.address, fault);
        Self { name, environment, folder, address, admin, child }
    }

    fn spawn(
        name: &str,
        environment: &[(String, String)],
        folder: &Path,
        admin: SocketAddr,
        fault: Option<&str>,
    ) -> Child {
        let program = Path::new(env!("CARGO_BIN_EXE_ticketing")).with_file_name(name);
        let mut command = Command::new(&program);
        fs::create_dir_all(folder).unwrap();
        let log = OpenOptions::new().create(true).append(true).open(folder.join(LOG)).unwrap();
        command.args(["run", "--rundir"]).arg(folder).args(["--admin", &admin.to_string()]);
        command.envs(environment.iter().cloned()).stderr(log);
        if let Some(point) = fault {
            command.env("FAILPOINTS", format!("{point}=return"));
        }
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}: cargo test --workspace", program.display()))
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join(LOG)).unwrap()
    }

    /// Asks it to stop, and waits until it has; tells the exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut ended = None;
        until("it stops", || {
            ended = self.child.try_wait().unwrap();
            std::future::ready(ended.is_some())
        })
        .await;
        ended.unwrap().code()
    }

    /// Waits for its death at the fault, then starts it again without one.
    pub(crate) async fn dies_and_is_started_again(&mut self) {
        let mut ended = None;
        until("it reaches the fault; built by cargo test --workspace?", || {
            ended = self.child.try_wait().unwrap();
            std::future::ready(ended.is_some())
        })
        .await;
        assert_eq!(ended.unwrap().signal(), Some(9), "{} was to be killed", self.name);
        self.start_again();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = Self::spawn(self.name, &self.environment, &self.folder, self.admin.address, None);
    }

    /// SIGTERM; waits until it has ended in order.
    pub(crate) async fn stop(&mut self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut ended = None;
        until("it has stopped", || {
            ended = self.child.try_wait().unwrap();
            std::future::ready(ended.is_some())
        })
        .await;
        assert_eq!(ended.unwrap().code(), Some(0), "{}", self.name);
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it tells whoever asks whether it is ready: the status, and the parts that are not.
    pub(crate) async fn readiness(&self, query: &str) -> (u16, String) {
        match self.admin.try_raw(format!("GET /readyz{query} HTTP/1.0\r\n\r\n").as_bytes()).await {
            Some(answer) => (answer.status, answer.json()["not_ready"].to_string()),
            None => (0, String::new()),
        }
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.readiness("").await.0 == 200
    }
}

impl Drop for ServiceProgram {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
