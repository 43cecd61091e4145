//! Output to the terminal, and the log.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::place::Place;
use crate::colours::may_have_colours;
use crate::error::Error;
use crate::exit::Exit;

/// How many bytes at the end of a log are searched for its last lines.
const TAIL: u64 = 1 << 20;

/// The pause between two reads of a followed log.
const READ_EVERY: Duration = Duration::from_millis(200);

/// Prints to stdout.
pub(super) fn say(text: &dyn Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a remark to stderr.
pub(super) fn remark(text: &dyn Display) {
    writeln!(io::stderr(), "{text}").ok();
}

/// Sets up the log on stderr: text on a terminal, else JSON, one object per line. `RUST_LOG` sets the level.
pub(super) fn init() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    if io::stderr().is_terminal() {
        log.with_ansi(may_have_colours(&io::stderr())).with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
}

/// Reopens the log file for stdout and stderr: if it was moved away, a new one.
pub(super) fn reopen(log: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().create(true).append(true).open(log);
    let file = file.with_context(|| format!("failed to open the log {}", log.display()))?;
    nix::unistd::dup2_stdout(&file)?;
    nix::unistd::dup2_stderr(&file)?;
    Ok(())
}

/// Prints the last lines of the log, and new lines as they are written.
pub(super) fn show(place: &Place, lines: usize, follow: bool) -> Result<Exit, Error> {
    match copy(place, lines, follow) {
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            Ok(Exit::Clean) // the reader has closed the pipe
        }
        shown => shown,
    }
}

fn copy(place: &Place, lines: usize, follow: bool) -> Result<Exit, Error> {
    let path = place.log();
    let Ok(mut file) = File::open(&path) else {
        bail!("there is no log at {}: `start` writes one, `run` logs to the terminal", path.display());
    };
    let mut out = io::stdout().lock();
    write!(out, "{}", last_lines(&mut file, lines)?)?;
    if !follow {
        return Ok(Exit::Clean);
    }
    loop {
        out.flush()?;
        sleep(READ_EVERY);
        io::copy(&mut file, &mut out)?;
        let now = std::fs::metadata(&path);
        let rotated = now.is_ok_and(|now| {
            file.metadata().is_ok_and(|ours| now.ino() != ours.ino() || now.len() < file.stream_position().unwrap_or(0))
        });
        if rotated && let Ok(next) = File::open(&path) {
            io::copy(&mut file, &mut out)?; // what was written to the old file in the meantime
            file = next;
        }
    }
}

/// The last lines of a file; its position is at its end afterwards.
pub(super) fn last_lines(file: &mut File, lines: usize) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let all: Vec<_> = tail.split_inclusive('\n').collect();
    Ok(all[all.len().saturating_sub(lines)..].concat())
}

/// What was written to the log since it had this length.
pub(super) fn since(log: &Path, length: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(length))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    read().unwrap_or_default()
}
