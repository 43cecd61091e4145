//! The operator's tool as a program of its own, which the images carry.

use clap::{CommandFactory, FromArgMatches, Parser};
use operator::{Bus, DECLARATIONS, Payments, typed};
use service::Exit;

/// Inspect the events between the services and the payments, and repair what went wrong.
#[derive(Debug, Parser)]
#[command(name = "operator", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Inspect the events between the services, and repair what went wrong
    Bus(Box<Bus>),
    /// List the payments, and compare them with what the payment provider has charged
    Payments(Payments),
}

fn main() -> Exit {
    telemetry::log_to_stderr();
    let mut command = Options::command().bin_name(typed());
    let mut matches = command.get_matches_mut();
    let options = Options::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut command).exit());
    match options.command {
        Command::Bus(bus) => bus.run(&DECLARATIONS),
        Command::Payments(payments) => payments.run(),
    }
}
