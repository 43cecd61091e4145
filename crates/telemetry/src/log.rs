//! The log of command-line tools.

use std::io;

use service::{init_log, may_have_colours};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

/// Logs to stderr: warnings and errors, or what the environment variable `RUST_LOG` asks for; in colours
/// where [they may be](may_have_colours).
///
/// Call it once, at the start of a program that has no runner.
pub fn log_to_stderr() {
    let log = fmt::layer().with_writer(io::stderr).with_ansi(may_have_colours(&io::stderr()));
    init_log(log.with_target(false).log_internal_errors(false), LevelFilter::WARN);
}
