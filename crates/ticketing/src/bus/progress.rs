//! How far a command is that takes a while.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How often it is told, and how long nothing is told at first.
const EVERY: Duration = Duration::from_secs(2);

/// Tells on stderr how much is left: `1200 messages to read`.
pub(super) fn progress<N: std::fmt::Display>(what: &'static str) -> impl FnMut(N) {
    let mut told = Instant::now();
    move |left| {
        if told.elapsed() >= EVERY {
            told = Instant::now();
            writeln!(io::stderr(), "{left} {what}").ok();
        }
    }
}
