//! What the commands print.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use service::{Error, Exit, Service};
use tokio::task::spawn_blocking;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How long the last line may take: its reader may have stopped reading.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// Sends the log to stderr: warnings and worse, or what the environment variable `RUST_LOG` asks for.
pub fn log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .log_internal_errors(false)
        .init();
}

/// Prints a line of the experiment to stdout.
///
/// # Errors
///
/// When nobody reads stdout any more, or it is a file on a full disk.
pub fn say(line: impl Display) -> io::Result<()> {
    let written = writeln!(io::stdout().lock(), "{line}");
    written.map_err(|error| io::Error::new(error.kind(), format!("writing to stdout: {error}")))
}

/// As [`say`], for a task: a reader that pauses stops nobody but the one who waits here, who may stop waiting.
///
/// # Errors
///
/// As [`say`].
pub async fn print(line: String) -> io::Result<()> {
    spawn_blocking(move || say(line)).await?
}

/// Prints the last line of a program, unless nobody reads it.
pub fn last_word(line: &'static str) {
    let (done, printed) = mpsc::channel();
    thread::spawn(move || done.send(say(line)).ok());
    printed.recv_timeout(LAST_WORD_WITHIN).ok();
}

/// Reads the command line. What is wrong with it is said in one line.
///
/// # Errors
///
/// How the process ends, when there is nothing to run.
pub fn arguments<C: Parser>() -> Result<C, Exit> {
    C::try_parse().map_err(|error| {
        if !error.use_stderr() {
            let shown = error.print(); // help or version
            return if shown.is_ok() { Exit::Clean } else { Exit::Failed };
        }
        let text = error.render().to_string();
        let lines: Vec<_> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
        remark(format_args!("{}; --help tells more", lines.join(" ")));
        Exit::Usage
    })
}

/// The `main` of a command that is one service: reads the command line, and runs it.
pub fn main<C: Parser + Service>(name: &str) -> Exit {
    match arguments::<C>() {
        Err(exit) => exit,
        Ok(command) => {
            log();
            service::run(name, command)
        }
    }
}

/// Prints a remark to stderr, beside what the experiment itself prints.
pub fn remark(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// What an error of [`say`] means for the command: that the reader has gone, as in `listen | head -1`, is no failure.
///
/// # Errors
///
/// Any other error.
pub fn ended(error: Error) -> Result<(), Error> {
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(ErrorKind::BrokenPipe) => Ok(()),
        _ => Err(error),
    }
}
