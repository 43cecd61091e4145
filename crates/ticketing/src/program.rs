//! The command line carried out.

use std::collections::BTreeMap;
use std::env;

use common::Program;
use service::Exit;

use crate::foreground::Foreground;
use crate::options::{Command, Options};
use crate::services::Services;
use crate::smoke::Smoke;

/// Does what the command line says, with these services in their start order.
pub fn main(options: Options, programs: &'static [Program]) -> Exit {
    telemetry::log_to_stderr();
    let Options { command, run } = options;
    match command {
        Some(Command::Measure(measure)) => service::run("measure", measure.of(programs)),
        Some(Command::Bus(bus)) => {
            let services: Vec<_> = programs.iter().map(|program| program.declaration).collect();
            bus.run(&services)
        }
        Some(Command::Payments(payments)) => payments.run(),
        Some(Command::Services(options)) => service::run("services", Services { options, programs }),
        Some(Command::Exercise(exercises)) => service::run("exercise", exercises),
        None if run.smoke => service::run("smoke", Smoke { run, programs, environment: environment() }),
        None => service::run("ticketing", Foreground { run, programs, environment: environment() }),
    }
}

/// The variables of this process; those that are not text are nobody's setting.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
