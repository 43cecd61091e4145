//! What the commands print.
#![expect(clippy::print_stderr, reason = "these are command-line tools: what they have to say goes to the terminal")]

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use service::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Sends the log to stderr: warnings and worse, or what the environment variable `RUST_LOG` asks for.
pub fn log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
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

/// Prints a remark to stderr, beside what the experiment itself prints.
pub fn remark(line: impl Display) {
    eprintln!("{line}");
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
