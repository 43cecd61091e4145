//! The program around the application: what it prints, and what it leaves behind.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Instant;

use anyhow::Context;
use devstack::Folder;
use service::{Error, Exit, Scope, Service};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::application::Application;
use crate::guide::Guide;
use crate::kept::Kept;
use crate::options::{Command, Options, Run};
use crate::smoke::Smoke;

/// Does what the command line says.
pub fn main(options: Options) -> Exit {
    log();
    match options {
        Options { command: Some(Command::Measure(measure)), .. } => service::run("measure", measure),
        Options { command: Some(Command::Bus(bus)), .. } => bus.run(),
        Options { run, .. } if run.smoke => service::run("smoke", Smoke { run }),
        Options { run, .. } => service::run("ticketing", Foreground { run }),
    }
}

/// Warnings and worse to stderr, or what the environment variable `RUST_LOG` asks for.
fn log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).with_target(false).log_internal_errors(false).init();
}

/// Prints a line for the one who has started it. Nobody reading is no failure.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Error> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing to stdout"),
        _ => Ok(()),
    }
}

/// The application, and what is said of it.
struct Foreground {
    run: Run,
}

impl Service for Foreground {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let began = Instant::now();
        let run = self.run;
        let folder = run.folder()?;
        let held = Folder::claim(&folder).await.context("--data-dir")?;
        scope.start("data", Kept(held)).await?;
        let application = Application { run, folder: folder.clone(), settings: None };
        // What it fetches the first time may take as long as it takes.
        let addresses = scope.child("application").wait_until_ready().start(application).await?;
        say(Guide { addresses, folder, took: began.elapsed(), run: rand::random_range(1000..10_000) })?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}
