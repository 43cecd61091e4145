//! What the commands print.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use service::{Error, Exit, Service};
use tokio::task::spawn_blocking;

/// How long printing the last line may take: its reader may have stopped reading.
const LAST_LINE_WITHIN: Duration = Duration::from_secs(1);

/// Prints a line of the experiment to stdout.
///
/// # Errors
///
/// If stdout was closed by its reader, or is a file on a full disk.
pub fn say(line: impl Display) -> io::Result<()> {
    let written = writeln!(io::stdout().lock(), "{line}");
    written.map_err(|error| io::Error::new(error.kind(), format!("failed to write to stdout: {error}")))
}

/// As [`say`], without blocking other tasks while the reader pauses. The caller may stop waiting.
///
/// # Errors
///
/// As [`say`].
pub async fn print(line: String) -> io::Result<()> {
    spawn_blocking(move || say(line)).await?
}

/// Prints the last line of a program, unless nobody reads it.
pub fn last_line(line: &'static str) {
    let (done, printed) = mpsc::channel();
    thread::spawn(move || done.send(say(line)).ok());
    printed.recv_timeout(LAST_LINE_WITHIN).ok();
}

/// Reads the command line. An error in it is printed as one line.
///
/// # Errors
///
/// The exit code of the process, if there is nothing to run.
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

/// The `main` of a command that is one service: reads the command line, and runs the service.
pub fn main<C: Parser + Service>(name: &str) -> Exit {
    match arguments::<C>() {
        Err(exit) => exit,
        Ok(command) => {
            telemetry::log_to_stderr();
            service::run(name, command)
        }
    }
}

/// Prints a remark to stderr, which is not part of the experiment's output.
pub fn remark(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// The result of a command that ends with an error of [`say`]: a reader that has closed stdout, as in
/// `listen | head -1`, is not a failure.
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
