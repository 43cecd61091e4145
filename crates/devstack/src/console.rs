//! Lines on stderr for the person who waits for a server to be installed.

use std::io::{self, Write};

/// Prints a line to stderr, also during tests, whose harness captures what `eprintln!` prints.
pub(crate) fn say(line: &str) {
    write(&format!("{line}\n"));
}

/// Writes to stderr without a line end, for a line of progress that is overwritten.
pub(crate) fn write(text: &str) {
    let mut stderr = io::stderr();
    // A closed stderr is no reason to fail.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
