//! The commands and their options.

use std::ffi::OsString;
use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::options::Options;
use super::place::Place;
use crate::error::Error;

#[derive(Parser)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) options: Options,
    /// Keep the pid file, the control socket and the log in this folder [default: a folder of the program in your
    /// runtime, state or cache folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    rundir: Option<PathBuf>,
    /// The command; without one, run
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Run in the foreground until Ctrl-C
    Run {
        /// Leave the terminal; used by `start`
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// Start in the background; return when the program is ready
    Start,
    /// Stop the program; return when it has ended
    Stop {
        #[command(flatten)]
        patience: Patience,
    },
    /// Stop the program if it runs, and start it with the options that it was started with; check its settings first
    ///
    /// The options of this command replace those that the program was started with: the file, the address, the value of
    /// the same setting. Its environment is the one of this command.
    Restart {
        #[command(flatten)]
        patience: Patience,
    },
    /// Make the program read the settings that it was started with again
    Reload,
    /// Show the state of every service of the program
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the log of `start`: on a terminal as `run` shows it, elsewhere as it was written, in JSON
    Logs {
        /// Print new lines as they are written
        #[arg(short, long)]
        follow: bool,
        /// Begin with this number of last lines
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
        lines: usize,
        /// Print JSON on a terminal too
        #[arg(long)]
        json: bool,
    },
    /// Inspect the settings without running the program
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// How long to wait for an orderly end, and what to do then.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Patience {
    /// Wait this long for its end: 30s, 1m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(super) within: Duration,
    /// After that time, let it run instead of killing it
    #[arg(long)]
    pub(super) no_kill: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print everything that is wrong with the settings
    Check,
    /// Print every value, and where it came from
    Show,
    /// Describe every setting
    Help {
        /// Print JSON: a list of settings with section, key, type, default, required, help, variables, and live (whether
        /// a reload may change it)
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// Reads the command line; ends the process if it is wrong, or asks for help only.
    pub(super) fn read(name: &'static str) -> Self {
        let mut command = <Self as CommandFactory>::command()
            .name(name)
            .about(format!("The {name} service: run it, inspect it, stop it"))
            .after_help(format!("`{name} config help` lists its settings"));
        let arguments: Vec<_> = iter::once(name.into()).chain(std::env::args_os().skip(1)).collect();
        let matches = command.try_get_matches_from_mut(&arguments).unwrap_or_else(|error| error.exit());
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let Some(refusal) = cli.unused().or_else(|| cli.hidden(&arguments)) {
            command.error(ErrorKind::ArgumentConflict, refusal).exit();
        }
        cli
    }

    /// An option that the command can't use, which would be believed to have an effect.
    fn unused(&self) -> Option<String> {
        let (given, _) = self.options.numbers().into_iter().find(|(_, number)| *number > 0)?;
        let reason = match self.command.as_ref()? {
            Command::Run { .. } | Command::Start | Command::Restart { .. } => return None,
            Command::Config { command: ConfigCommand::Check | ConfigCommand::Show } => return None,
            Command::Reload => "reload reads what the program was started with; `restart` can change that",
            Command::Config { command: ConfigCommand::Help { .. } } => {
                "config help describes the settings, and reads none"
            }
            Command::Stop { .. } | Command::Status { .. } | Command::Logs { .. } => "this command uses --rundir only",
        };
        Some(format!("{given} has no effect here: {reason}"))
    }

    /// An option in front of the command that clap has forgotten, since it is given behind the command too.
    fn hidden(&self, arguments: &[OsString]) -> Option<String> {
        let rundir = ("--rundir", usize::from(self.rundir.is_some()));
        let mut known = self.options.numbers().into_iter().chain([rundir]);
        let is = |argument: &OsString, name: &str| {
            let value = argument.to_str().and_then(|argument| argument.strip_prefix(name));
            value.is_some_and(|value| value.is_empty() || value.starts_with('='))
        };
        let (name, _) =
            known.find(|(name, number)| arguments.iter().filter(|argument| is(argument, name)).count() > *number)?;
        Some(format!("{name} is given before and after the command: give it on one side only"))
    }

    pub(super) fn command(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run { detached: false })
    }

    /// Where this program's files are.
    pub(super) fn place(&self, name: &'static str) -> Result<Place, Error> {
        let folder = match &self.rundir {
            Some(folder) => std::path::absolute(folder)?,
            None => dirs::runtime_dir()
                .or_else(dirs::state_dir)
                .or_else(dirs::cache_dir) // macOS has neither of the others
                .context("found no folder for the pid file; name one with --rundir")?
                .join(name),
        };
        Ok(Place { name, folder })
    }
}
