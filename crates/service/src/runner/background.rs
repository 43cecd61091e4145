//! Starting a program in the background, and stopping it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cli::Patience;
use super::control;
use super::log::{remark, say, since};
use super::place::Place;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::fail;

/// How often a process is looked at that starts or stops.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// When a wait becomes long enough to say what for.
const LONG: Duration = Duration::from_secs(2);

/// Starts it with these arguments, and returns when it is ready, or has failed.
pub(super) fn start(place: &Place, arguments: Vec<OsString>) -> Result<Exit, Error> {
    if let Some(pid) = place.holder()? {
        return Ok(already_running(place, pid));
    }
    place.make()?;
    let path = place.log();
    let log = OpenOptions::new().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("opening the log {}", path.display()))?;
    let length = log.metadata()?.len();
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting it in the background")?;
    let started = Instant::now();
    let mut said = Vec::new();
    loop {
        if let Some(status) = child.try_wait()? {
            remark(&since(&path, length));
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(match code {
                Some(code) if code == Exit::AlreadyRunning.code() => Exit::AlreadyRunning,
                _ => fail(&format_args!("it ended before it was ready ({status}); the log is {}", path.display())),
            });
        }
        if let Some(not_ready) = control::not_ready(place, child.id()) {
            if not_ready.is_empty() {
                say(&format_args!("{} runs as process {}; the log is {}", place.name, child.id(), path.display()))?;
                return Ok(Exit::Clean);
            }
            if started.elapsed() > LONG && said != not_ready {
                remark(&format_args!("not ready yet: {}", not_ready.join(", ")));
                said = not_ready;
            }
        }
        sleep(LOOK_EVERY);
    }
}

pub(super) fn already_running(place: &Place, pid: i32) -> Exit {
    fail(&format_args!("{} is running already, as process {pid}", place.name));
    Exit::AlreadyRunning
}

/// Whether the process has ended; one that only waits for its parent to ask how has.
fn is_gone(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    kill(process, None).is_err() || stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z'))
}

/// Asks it to stop, and returns when it is gone.
pub(super) fn stop(place: &Place, patience: &Patience) -> Result<Exit, Error> {
    let Some(pid) = place.holder()?.filter(|pid| *pid > 0) else { return Ok(control::not_running(place)) };
    let process = Pid::from_raw(pid);
    // It may be gone by itself since.
    kill(process, Signal::SIGTERM).ok();
    let asked = Instant::now();
    let mut said = false;
    let mut killed = false;
    while !is_gone(process) || place.holder()? == Some(pid) {
        let waited = asked.elapsed();
        if waited > LONG && !said {
            remark(&format_args!("waiting for process {pid} to end"));
            said = true;
        }
        if waited > patience.within && !killed {
            if patience.no_kill {
                return Ok(fail(&format_args!("process {pid} still runs after {:?}", patience.within)));
            }
            remark(&format_args!("process {pid} still runs after {:?} and is killed", patience.within));
            kill(process, Signal::SIGKILL).ok();
            killed = true;
        }
        sleep(LOOK_EVERY);
    }
    say(&format_args!("{} has ended", place.name))?;
    Ok(if killed { Exit::Aborted } else { Exit::Clean })
}
