//! Lines on stderr for the person who waits for a server to be installed.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::downloads::Downloads;

/// Where an installation is reported: stderr. Servers that are fetched at the same time share one line of progress if they share
/// this. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub struct Console {
    shown: Arc<Mutex<Shown>>,
}

/// What was shown so far.
#[derive(Debug, Default)]
struct Shown {
    downloads: Downloads,
    /// Whether the last line on the terminal is one of progress, which the next line replaces.
    ends_with_progress: bool,
}

impl Console {
    /// Prints a line to stderr, also during tests, whose harness captures what `eprintln!` prints.
    pub(crate) fn say(&self, line: &str) {
        self.with(|shown| shown.say(line));
    }

    /// Changes what is known of the downloads.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Downloads)) {
        self.with(|shown| change(&mut shown.downloads));
    }

    /// Shows how far the downloads are: on a terminal in one line, which the next one replaces.
    pub(crate) fn show_progress(&self) {
        self.with(|shown| {
            let line = shown.downloads.to_string();
            if is_terminal() {
                write(&format!("\r\x1b[K{line}"));
                shown.ends_with_progress = true;
            } else {
                shown.say(&line);
            }
        });
    }

    /// Removes that line.
    pub(crate) fn hide_progress(&self) {
        self.with(|shown| {
            if std::mem::take(&mut shown.ends_with_progress) {
                write("\r\x1b[K");
            }
        });
    }

    fn with(&self, work: impl FnOnce(&mut Shown)) {
        work(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shown {
    fn say(&mut self, line: &str) {
        let before = if std::mem::take(&mut self.ends_with_progress) { "\r\x1b[K" } else { "" };
        write(&format!("{before}{line}\n"));
    }
}

pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

fn write(text: &str) {
    let mut stderr = io::stderr();
    // A closed stderr is no reason to fail.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
