//! The operator's tool as a program of its own, which the images carry.

use clap::Parser;
use operator::{Bus, DECLARATIONS};
use service::Exit;

/// Inspect the events between the services, and repair what went wrong.
#[derive(Debug, Parser)]
#[command(name = "operator", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Inspect the events between the services, and repair what went wrong
    Bus(Bus),
}

fn main() -> Exit {
    telemetry::log_to_stderr();
    let Command::Bus(bus) = Options::parse().command;
    bus.run(&DECLARATIONS)
}
