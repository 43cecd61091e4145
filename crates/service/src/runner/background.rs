//! Starting a program in the background, and stopping it.

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
use super::options::Options;
use super::place::Place;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::fail;

/// The pause between two checks of a process that starts or stops.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// The time after which a wait is explained to the user.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// Starts the program with these options; returns when it is ready or has failed.
pub(super) fn start(place: &Place, options: &Options) -> Result<Exit, Error> {
    if let Some(pid) = place.holder()? {
        return Ok(already_running(place, pid));
    }
    place.make()?;
    let path = place.log();
    let log = OpenOptions::new().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("failed to open the log {}", path.display()))?;
    let length = log.metadata()?.len();
    let mut child = Command::new(std::env::current_exe()?)
        .args(options.arguments())
        .arg("--rundir")
        .arg(&place.folder)
        .args(["run", "--detached"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("failed to start the program in the background")?;
    let started = Instant::now();
    let mut reported = Vec::new();
    loop {
        if let Some(status) = child.try_wait()? {
            remark(&since(&path, length));
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(match code {
                Some(code) if code == Exit::AlreadyRunning.code() => Exit::AlreadyRunning,
                _ => fail(&format_args!(
                    "the program ended before it was ready ({status}); the log is {}",
                    path.display()
                )),
            });
        }
        if let Some(not_ready) = control::not_ready(place, child.id()) {
            if not_ready.is_empty() {
                say(&format_args!("{} runs as process {}; the log is {}", place.name, child.id(), path.display()))?;
                return Ok(Exit::Clean);
            }
            if started.elapsed() > LONG_WAIT && reported != not_ready {
                remark(&format_args!("not ready yet: {}", not_ready.join(", ")));
                reported = not_ready;
            }
        }
        sleep(CHECK_EVERY);
    }
}

pub(super) fn already_running(place: &Place, pid: i32) -> Exit {
    fail(&format_args!(
        "{} is running already, as process {pid}; a second one needs a --rundir of its own",
        place.name
    ));
    Exit::AlreadyRunning
}

/// Whether the process has ended; a zombie has.
fn is_gone(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    kill(process, None).is_err() || stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z'))
}

/// Asks the program to stop; returns when it has ended.
pub(super) fn stop(place: &Place, patience: &Patience) -> Result<Exit, Error> {
    let Some(pid) = place.holder()?.filter(|pid| *pid > 0) else { return Ok(control::not_running(place)) };
    let process = Pid::from_raw(pid);
    // It may have ended by itself in the meantime.
    kill(process, Signal::SIGTERM).ok();
    let asked = Instant::now();
    let (mut reported, mut killed) = (false, false);
    while !is_gone(process) || place.holder()? == Some(pid) {
        let waited = asked.elapsed();
        if waited > LONG_WAIT && !reported {
            remark(&format_args!("waiting for process {pid} to end"));
            reported = true;
        }
        if waited > patience.within && !killed {
            let left = control::not_ready(place, pid.unsigned_abs()).unwrap_or_default();
            let left = if left.is_empty() { String::new() } else { format!(" (not stopped: {})", left.join(", ")) };
            if patience.no_kill {
                return Ok(fail(&format_args!("process {pid} still runs after {:?}{left}", patience.within)));
            }
            remark(&format_args!("process {pid} still runs after {:?} and is killed{left}", patience.within));
            kill(process, Signal::SIGKILL).ok();
            killed = true;
        }
        sleep(CHECK_EVERY);
    }
    say(&format_args!("{} has ended", place.name))?;
    Ok(if killed { Exit::Aborted } else { Exit::Clean })
}
