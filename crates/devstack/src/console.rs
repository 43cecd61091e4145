//! Lines on stderr for the person who waits for a server to be installed.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// Whether the last line on the terminal is one of progress, which the next line replaces.
static HAS_PROGRESS: Mutex<bool> = Mutex::new(false);

/// Prints a line to stderr, also during tests, whose harness captures what `eprintln!` prints.
pub(crate) fn say(line: &str) {
    let mut has_progress = HAS_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = if std::mem::take(&mut *has_progress) { "\r\x1b[K" } else { "" };
    write(&format!("{before}{line}\n"));
}

/// Shows how far the downloads are: on a terminal in one line, which the next call replaces; an empty one removes it.
pub(crate) fn show_progress(line: &str) {
    if !is_terminal() {
        if !line.is_empty() {
            say(line);
        }
        return;
    }
    let mut has_progress = HAS_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    if *has_progress || !line.is_empty() {
        write(&format!("\r\x1b[K{line}"));
    }
    *has_progress = !line.is_empty();
}

pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

fn write(text: &str) {
    let mut stderr = io::stderr();
    // A closed stderr is no reason to fail.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
