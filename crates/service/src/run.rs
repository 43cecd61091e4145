//! A service as a process: runtime, signals, exit code.

use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use clap::builder::styling::Styles;
use futures_util::FutureExt;
use futures_util::future::Fuse;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep_until;

use crate::error::Error;
use crate::exit::Exit;
use crate::nohup::hang_up_is_ignored;
use crate::root::{Outcome, Running, launch};
use crate::service::Service;
use crate::stop::after;
use crate::tree::Path;

/// How long after the deadline of its stop a whole program is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(1);

/// Runs a service as the whole of this process, until it ends or a signal asks it to.
///
/// SIGINT, SIGTERM and SIGHUP (its terminal was closed) ask it to stop in order; a second one ends the process immediately.
/// A program that was started by `nohup` does not notice SIGHUP.
/// A failure is printed on stderr as one `error: …` line. Call it from a `main` that is not async:
/// `fn main() -> service::Exit { service::run("tickets", Tickets::new()) }`.
///
/// This is for a command-line tool. A program with settings, or one that runs in the background, uses
/// [`runner::main`](crate::runner::main).
pub fn run<S: Service>(name: &str, service: S) -> Exit {
    let run = in_runtime(async {
        let signals = Signals::listen(HangUp::Stops)?;
        Ok(until_over(launch(name, service).start(), signals, None::<fn()>).await)
    });
    run.unwrap_or_else(|error| fail(&format_args!("{error:#}")))
}

/// Runs the future on a runtime of all cores.
pub(crate) fn in_runtime(program: impl Future<Output = Result<Exit, Error>>) -> Result<Exit, Error> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(program);
    runtime.shutdown_background(); // does not wait for a blocked thread, such as one that reads stdin
    exit
}

/// Waits for the end of a tree, and does what signals ask for.
///
/// SIGHUP and SIGUSR1 call `reload`; without a `reload` they ask to stop, since the terminal was closed.
pub(crate) async fn until_over<H>(mut running: Running<H>, mut signals: Signals, reload: Option<impl Fn()>) -> Exit {
    let mut stopping = false;
    let mut give_up = pin!(Fuse::terminated());
    loop {
        tokio::select! {
            outcome = running.ended() => return report(&outcome),
            // Its body could not even be dropped: it blocks its thread.
            () = &mut give_up => {
                let paths = [running.tree().aborted(), running.tree().stopping()].concat();
                fail(&format_args!("did not stop in time, and could not be aborted: {}", joined(&paths)));
                return Exit::Aborted;
            }
            asked = signals.next() => match (asked, &reload) {
                (Asked::Reload, Some(reload)) => reload(),
                (Asked::Stop(exit), _) if stopping => return exit,
                (Asked::Reload, None) if stopping => return Exit::Terminated,
                (Asked::Stop(_) | Asked::Reload, _) => {
                    stopping = true;
                    running.request_stop();
                    give_up.set(sleep_until(after(running.stop_within()) + GIVEN_UP_AFTER).fuse());
                }
            }
        }
    }
}

fn report(outcome: &Outcome) -> Exit {
    if let Err(error) = &outcome.result {
        fail(&format_args!("{error:#}"));
    }
    if !outcome.aborted.is_empty() {
        fail(&format_args!("did not stop in time and was aborted: {}", joined(&outcome.aborted)));
    }
    outcome.exit()
}

fn joined(paths: &[Path]) -> String {
    paths.iter().map(Path::as_str).collect::<Vec<_>>().join(", ")
}

/// Prints the error that ends a process, whether or not it has a log, in the style of those of clap; a closed stderr is
/// ignored.
pub(crate) fn fail(error: &dyn std::fmt::Display) -> Exit {
    let style = Styles::styled();
    let style = style.get_error();
    writeln!(anstream::stderr(), "{style}error:{style:#} {error}").ok();
    Exit::Failed
}

pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if it is ignored.
    hang_up: Option<Signal>,
    user: Signal,
}

/// What SIGHUP means to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// Its terminal was closed, so it stops; unless `nohup` says that it must outlive its terminal.
    Stops,
    /// It reads its settings again, also if it was started by `nohup`: that never ends it.
    Reloads,
}

pub(crate) enum Asked {
    /// To stop; a second request ends the process with this exit code.
    Stop(Exit),
    /// To read the settings again.
    Reload,
}

impl Signals {
    pub(crate) fn listen(to: HangUp) -> io::Result<Self> {
        let is_ignored = to == HangUp::Stops && hang_up_is_ignored();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if is_ignored { None } else { Some(signal(SignalKind::hangup())?) },
            user: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop(Exit::Interrupted),
            _ = self.terminate.recv() => Asked::Stop(Exit::Terminated),
            Some(_) = async { self.hang_up.as_mut()?.recv().await } => Asked::Reload,
            _ = self.user.recv() => Asked::Reload,
        }
    }
}
