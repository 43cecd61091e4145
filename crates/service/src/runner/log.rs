//! Output to the terminal, and the log.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use super::lines::on_a_terminal;
use super::place::Place;
use crate::colours::may_have_colours;
use crate::error::Error;
use crate::exit::Exit;
use crate::log::init_log;

/// How many bytes at the end of a log are searched for its last lines.
const TAIL: u64 = 1 << 20;

/// The pause between two reads of a followed log.
const READ_EVERY: Duration = Duration::from_millis(200);

/// Prints to stdout. A reader that has closed it, as in `status | head -1`, is not an error.
pub(super) fn say(text: &dyn Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a remark to stderr.
pub(super) fn remark(text: &dyn Display) {
    writeln!(anstream::stderr(), "{text}").ok();
}

/// Sets up the log on stderr: text on a terminal, else JSON, one object per line. `RUST_LOG` sets the level.
pub(super) fn init() {
    let log = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    if io::stderr().is_terminal() {
        init_log(log.with_ansi(may_have_colours(&io::stderr())).with_target(false), LevelFilter::INFO);
    } else {
        init_log(log.json().flatten_event(true), LevelFilter::INFO);
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
pub(super) fn show(place: &Place, lines: usize, follow: bool, json: bool) -> Result<Exit, Error> {
    match copy(place, lines, follow, json) {
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            Ok(Exit::Clean) // the reader has closed the pipe
        }
        shown => shown,
    }
}

fn copy(place: &Place, lines: usize, follow: bool, json: bool) -> Result<Exit, Error> {
    let path = place.log();
    let Ok(mut file) = File::open(&path) else {
        bail!("there is no log at {}: `start` writes one, `run` logs to the terminal", path.display());
    };
    let mut out = Lines { is_text: io::stdout().is_terminal() && !json, begun: Vec::new() };
    out.print(last_lines(&mut file, lines)?.as_bytes())?;
    if !follow {
        return Ok(out.end()?);
    }
    loop {
        sleep(READ_EVERY);
        out.print(&rest(&mut file)?)?;
        let now = std::fs::metadata(&path);
        let rotated = now.is_ok_and(|now| {
            file.metadata().is_ok_and(|ours| now.ino() != ours.ino() || now.len() < file.stream_position().unwrap_or(0))
        });
        if rotated && let Ok(next) = File::open(&path) {
            out.print(&rest(&mut file)?)?; // what was written to the old file in the meantime
            file = next;
        }
    }
}

/// Prints the lines of a log to stdout, as they come.
struct Lines {
    /// Whether they are shown as on a terminal.
    is_text: bool,
    /// The beginning of a line that is not complete.
    begun: Vec<u8>,
}

impl Lines {
    fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.begun.extend(bytes);
        let complete = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut out = anstream::stdout().lock();
        for line in String::from_utf8_lossy(&self.begun[..complete]).lines() {
            if self.is_text {
                writeln!(out, "{}", on_a_terminal(line))?;
            } else {
                writeln!(out, "{line}")?;
            }
        }
        self.begun.drain(..complete);
        out.flush()
    }

    /// Prints the last line, even if it is not complete.
    fn end(mut self) -> io::Result<Exit> {
        if !self.begun.is_empty() {
            self.print(b"\n")?;
        }
        Ok(Exit::Clean)
    }
}

/// What is left to read of a file.
fn rest(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
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

/// What was written to the log since it had this length, as stderr shows it.
pub(super) fn since(log: &Path, length: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(length))?;
        let written = rest(&mut file)?;
        let text = String::from_utf8_lossy(&written);
        let lines = text.trim_end().lines();
        Ok(if io::stderr().is_terminal() {
            lines.map(on_a_terminal).collect::<Vec<_>>().join("\n")
        } else {
            lines.collect::<Vec<_>>().join("\n")
        })
    };
    read().unwrap_or_default()
}
