//! The log of command-line tools.

use std::io;

use service::may_have_colours;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Logs to stderr: warnings and errors, or what the environment variable `RUST_LOG` asks for; in colours
/// where [they may be](may_have_colours).
///
/// Call it once, at the start of a program that has no runner.
pub fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(may_have_colours(&io::stderr())).with_target(false).log_internal_errors(false).init();
}
