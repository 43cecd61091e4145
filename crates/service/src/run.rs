//! A service as a process: runtime, signals, exit code.

use std::io;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Exit, Outcome, Running, Service, launch};

/// Runs a service as the whole of this process, until it ends or a signal asks it to.
///
/// SIGINT and SIGTERM ask it to stop in order; a second one ends the process at once.
/// A failure is printed on stderr as one `error: …` line. Call it from a `main` that is not async:
/// `fn main() -> service::Exit { service::run("tickets", Tickets::new()) }`.
pub fn run<S: Service>(name: &str, service: S) -> Exit {
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("starting the tokio runtime: {error}")),
    };
    let exit = runtime.block_on(async {
        let signals = Signals::listen();
        let running = launch(name, service).start();
        match signals {
            Ok(signals) => until_over(running, signals).await,
            Err(error) => fail(&format_args!("listening for signals: {error}")),
        }
    });
    runtime.shutdown_background(); // a blocked thread, say one that reads stdin, is not waited for
    exit
}

async fn until_over<H>(mut running: Running<H>, mut signals: Signals) -> Exit {
    let mut stopping = false;
    loop {
        tokio::select! {
            outcome = running.ended() => return report(&outcome),
            exit = signals.next() => {
                if stopping {
                    return exit;
                }
                stopping = true;
                running.request_stop();
            }
        }
    }
}

fn report(outcome: &Outcome) -> Exit {
    if let Err(error) = &outcome.result {
        return fail(&format_args!("{error:#}"));
    }
    if !outcome.aborted.is_empty() {
        let paths: Vec<_> = outcome.aborted.iter().map(|path| path.as_str()).collect();
        fail(&format_args!("did not stop in time and was aborted: {}", paths.join(", ")));
    }
    outcome.exit()
}

#[expect(clippy::print_stderr, reason = "the last word of a process, whether or not it has a log")]
fn fail(error: &dyn std::fmt::Display) -> Exit {
    eprintln!("error: {error}");
    Exit::Failed
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one; the answer is what it means when it is the second.
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}
