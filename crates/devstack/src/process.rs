//! A server process that ends with this one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::Error;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::folder::Folder;

/// The error for a port that another program uses.
#[derive(Debug, thiserror::Error)]
#[error("port {port} of 127.0.0.1 is in use: stop what listens there, or choose another port")]
pub struct PortInUse {
    /// The port that was asked for.
    pub port: u16,
}

/// Fails if another program uses the port; 0 means any port, and is always free.
pub(crate) fn check_free(port: u16) -> Result<(), Error> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(PortInUse { port }.into()),
        Err(error) => Err(error).context(format!("failed to listen on port {port} of 127.0.0.1")),
    }
}

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    log_start: u64,
    /// Keeps the thread alive that spawned the child, because its end would end the child.
    _keeper: mpsc::Sender<()>,
}

impl Process {
    /// Starts a server that writes its log to `log`.
    ///
    /// The process holds the lock of its data folder until it ends; Ctrl-C at the terminal does not reach it.
    pub(crate) async fn spawn<A: AsRef<OsStr>>(
        binary: &Path,
        arguments: &[A],
        folder: &Folder,
        log: PathBuf,
    ) -> Result<Self, Error> {
        let mut command = ending_with_us(binary).await;
        command.args(arguments).stdin(folder.share()?).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0).kill_on_drop(true);
        let log_start = fs::metadata(&log).map_or(0, |data| data.len());

        // The kernel sends the death signal when the spawning *thread* ends, so that thread is kept.
        let (keeper, kept) = mpsc::channel::<()>();
        let (spawned, answer) = oneshot::channel();
        let runtime = Handle::current();
        thread::Builder::new().name("server keeper".to_owned()).spawn(move || {
            let _inside = runtime.enter();
            if spawned.send(command.spawn()).is_ok() {
                let _ = kept.recv(); // returns when the keeper is dropped
            }
        })?;
        let child = answer.await?.with_context(|| format!("failed to start {}", binary.display()))?;
        Ok(Self { child, log, log_start, _keeper: keeper })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// The log since the start of the process.
    pub(crate) fn logged(&self) -> String {
        let mut text = String::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_start))?;
            log.read_to_string(&mut text)
        });
        match read {
            Ok(_) => text,
            Err(_) => String::new(), // the file does not exist yet
        }
    }

    /// Waits until the process ends unasked; returns that as an error, with the end of its log.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => {
                let logged = self.logged();
                let last: Vec<_> = logged.lines().rev().take(3).collect();
                let last: Vec<_> = last.into_iter().rev().collect();
                anyhow!("the server ended ({status}), log {}: {}", self.log.display(), last.join(" | "))
            }
            Err(error) => anyhow!(error).context("failed to wait for the server"),
        }
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = self.child.id() {
            let pid = Pid::from_raw(pid.try_into().context("a process id")?);
            kill(pid, Signal::SIGTERM).context("failed to ask the server to end")?;
        }
        self.child.wait().await.context("failed to wait for the end of the server")?;
        Ok(())
    }
}

/// The command that runs `binary` so that the kernel kills it when this process dies. Without `setpriv`, it ends only
/// when this process stops in order.
async fn ending_with_us(binary: &Path) -> Command {
    let mut probe = Command::new("setpriv");
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if cfg!(target_os = "linux") && probe.status().await.is_ok_and(|status| status.success()) {
        let mut command = StdCommand::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
        return command.into();
    }
    Command::new(binary)
}
