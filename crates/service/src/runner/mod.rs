//! The command line of a program: run it, start it in the background, inspect it, stop it.
//!
//! No other module of this crate uses it. The `main` of a program is one line: see [`main`].

mod admin;
mod background;
mod cli;
mod control;
mod foreground;
mod lines;
mod log;
mod options;
mod place;

use self::cli::{Cli, Command, ConfigCommand};
use self::options::Options;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::fail;
use crate::service::Service;
use crate::settings::{Sections, Settings};

/// Runs a whole program: reads the command line and does what it says.
///
/// `name` is the name of the root service, of the pid file and of the log; `make` is called only if the
/// program is to run; the service that it makes reads its settings from its scope.
///
/// ```no_run
/// use service::settings::Sections;
/// use service::{Error, Exit, Scope, Service};
///
/// struct Idle;
///
/// impl Service for Idle {
///     type Handle = ();
///
///     async fn run(self, scope: Scope<()>) -> Result<(), Error> {
///         scope.ready(());
///         scope.stopping().await;
///         Ok(())
///     }
/// }
///
/// fn main() -> Exit {
///     service::runner::main("idle", Sections::new(), || Idle)
/// }
/// ```
pub fn main<S: Service>(name: &'static str, sections: Sections, make: impl FnOnce() -> S) -> Exit {
    act(name, sections.of_program(name), Cli::read(name), make).unwrap_or_else(|error| fail(&format_args!("{error:#}")))
}

fn act<S: Service>(name: &'static str, sections: Sections, cli: Cli, make: impl FnOnce() -> S) -> Result<Exit, Error> {
    // Each command asks for what it uses, so it does not fail by the lack of anything else.
    let place = || cli.place(name);
    let load = |options: &Options| Settings::load(sections.clone(), options.sources());
    let options = &cli.options;
    match cli.command() {
        Command::Run { detached } => foreground::run(&place()?, load(options)?, options, detached, make()),
        Command::Start => {
            load(options)?;
            background::start(&place()?, options)
        }
        Command::Stop { patience } => background::stop(&place()?, &patience),
        Command::Restart { patience } => {
            let place = place()?;
            let options = match control::options(&place)? {
                Some(running) => options.clone().over(running),
                None => options.clone(),
            };
            load(&options)?; // before anything is stopped
            match background::stop(&place, &patience)? {
                Exit::Failed => Ok(Exit::Failed), // it still runs
                _ => background::start(&place, &options),
            }
        }
        Command::Reload => control::reload(&place()?),
        Command::Status { json } => control::status(&place()?, json),
        Command::Logs { follow, lines, json } => log::show(&place()?, lines, follow, json),
        Command::Config { command } => {
            match command {
                ConfigCommand::Help { json: true } => log::say(&serde_json::to_string_pretty(&sections.describe())?)?,
                ConfigCommand::Help { json: false } => {
                    sections.describe().iter().try_for_each(|setting| log::say(setting))?;
                }
                ConfigCommand::Check => {
                    let warnings = load(options)?.warnings();
                    warnings.iter().for_each(|warning| log::remark(&format_args!("warning: {warning}")));
                    log::say(&"the settings are fine")?;
                }
                ConfigCommand::Show => {
                    for (key, (value, origin)) in load(options)?.effective() {
                        log::say(&format_args!("{key} = {value}  # {origin}"))?;
                    }
                }
            }
            Ok(Exit::Clean)
        }
    }
}
