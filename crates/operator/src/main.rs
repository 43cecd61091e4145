//! The operator's tool as a program of its own, which the images carry.

use std::io::{self, IsTerminal};

use clap::Parser;
use operator::Bus;
use service::Exit;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Look at the bus of a ticketing application, and repair what did not arrive.
#[derive(Debug, Parser)]
#[command(name = "operator", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look at what travels between the services
    Bus(Bus),
}

fn main() -> Exit {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).with_target(false).log_internal_errors(false).init();
    let Command::Bus(bus) = Options::parse().command;
    bus.run()
}
