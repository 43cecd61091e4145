//! A server process that ends with this one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, PipeWriter, Read, Seek, SeekFrom, Write, pipe};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use service::Error;
use tokio::process::{Child, Command};

use crate::folder::Folder;
use crate::reason::reason;

/// Becomes the server, and leaves a watcher beside it, on any system with a POSIX shell.
///
/// At its start, stdin is a pipe whose other end only we hold, and stdout the lock of the data folder, which the server
/// keeps open as its stdin. The watcher reads the pipe: a line means that the server has ended, and the end of the pipe
/// that we have, in whatever way; then it kills the server, whose process id is that of this shell.
const WATCHED: &str = r#"
exec 3<&0 0<&1 1>&2
(read -r _ <&3 || kill -KILL $$) 0</dev/null 1>/dev/null 2>/dev/null &
exec 3<&-
exec "$0" "$@"
"#;

/// Less space than this, in bytes, may be the reason why a server ended: mongod's journal alone takes as much.
const LITTLE_SPACE: u64 = 100_000_000;

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
    binary: PathBuf,
    log: PathBuf,
    log_start: u64,
    /// What the server prints: the reason of an end that is not in its log.
    printed: PathBuf,
    /// The other end of the watcher's pipe.
    watched: PipeWriter,
}

impl Process {
    /// Starts a server that writes its log to `log`, a file in its data folder.
    ///
    /// The process holds the lock of its data folder until it ends; Ctrl-C at the terminal does not reach it.
    pub(crate) fn spawn(binary: &Path, arguments: &[OsString], folder: &Folder, log: PathBuf) -> Result<Self, Error> {
        let printed = log.with_extension("err");
        let stderr = File::create(&printed).with_context(|| format!("failed to write {}", printed.display()))?;
        let log_start = fs::metadata(&log).map_or(0, |data| data.len());
        let (watcher, watched) = pipe().context("failed to make a pipe")?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCHED]).arg(binary).args(arguments);
        command.stdin(watcher).stdout(folder.share()?).stderr(stderr);
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("failed to start {}", binary.display()))?;
        Ok(Self { child, binary: binary.to_owned(), log, log_start, printed, watched })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// The log since the start of the process.
    pub(crate) fn logged(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_start))?;
            log.read_to_end(&mut text)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => String::new(), // the file does not exist yet
        }
    }

    /// Waits until the process ends unasked; returns that as an error, with the server's own reason.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.wait().await {
            Ok(status) => self.end(status),
            Err(error) => error,
        }
    }

    fn end(&self, status: ExitStatus) -> Error {
        let printed = fs::read(&self.printed).unwrap_or_default();
        let mut causes = Vec::from_iter(reason(&self.logged(), &String::from_utf8_lossy(&printed)));
        let space = self.log.parent().and_then(free_space).filter(|bytes| *bytes < LITTLE_SPACE);
        causes.extend(space.map(|bytes| format!("the disk of its data folder has {} MB left", bytes / 1_000_000)));
        if is_crash(status) {
            let binary = self.binary.display();
            causes.push(format!("its binary may be damaged: delete {binary} and start again, or install it again"));
        }
        causes.push(format!("its log is {}", self.log.display()));
        anyhow!("the server ended ({status}): {}", causes.join("; "))
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = self.child.id() {
            let pid = Pid::from_raw(pid.try_into().context("a process id")?);
            kill(pid, Signal::SIGTERM).context("failed to ask the server to end")?;
        }
        self.wait().await?;
        Ok(())
    }

    async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let status = self.child.wait().await.context("failed to wait for the end of the server")?;
        // The process id may soon be another's: the watcher must not kill it. It is gone if it was killed, too.
        self.watched.write_all(b"\n").ok();
        Ok(status)
    }
}

/// The space that is left on the disk of this folder, in bytes, if that can be known.
fn free_space(folder: &Path) -> Option<u64> {
    let disk = statvfs(folder).ok()?;
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    u64::from(disk.blocks_available()).checked_mul(u64::from(disk.fragment_size()))
}

/// Whether the processor refused to go on.
fn is_crash(status: ExitStatus) -> bool {
    let crashes = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL];
    status.signal().is_some_and(|signal| crashes.iter().any(|crash| *crash as i32 == signal))
}
