//! The commands and their options.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

use super::place::Place;
use crate::error::Error;
use crate::settings::Sources;

#[derive(Debug, Parser)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Read the settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one setting, over file and environment; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Keep the pid file, the control socket and the log in this folder [default: a folder of the program in your
    /// runtime or state folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    rundir: Option<PathBuf>,
    /// Serve /livez, /readyz, /services, /config, /metrics and /-/reload on this address; without it, only the commands
    /// below can query them
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(super) admin: Option<SocketAddr>,
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
    /// Stop the program if it runs, and start it; check its settings first
    Restart {
        #[command(flatten)]
        patience: Patience,
    },
    /// Make the program read its settings again
    Reload,
    /// Show the state of every service of the program
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the log of `start`
    Logs {
        /// Print new lines as they are written
        #[arg(short, long)]
        follow: bool,
        /// Begin with this number of last lines
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
        lines: usize,
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
        /// Print JSON: a list of settings with section, key, type, default, help, variables, and live (whether a reload
        /// may change it)
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    pub(super) fn command(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run { detached: false })
    }

    /// Where the settings come from.
    pub(super) fn sources(&self) -> Sources {
        let environment = std::env::vars_os();
        // A value that is not UTF-8 becomes text that no setting accepts, so it is not ignored.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.to_string_lossy().into()));
        Sources {
            file: self.config.clone(),
            environment: environment.filter_map(text).collect(),
            flags: self.set.clone(),
        }
    }

    /// Where this program's files are.
    pub(super) fn place(&self, name: &'static str) -> Result<Place, Error> {
        let folder = match &self.rundir {
            Some(folder) => std::path::absolute(folder)?,
            None => dirs::runtime_dir()
                .or_else(dirs::state_dir)
                .context("found no folder for the pid file; name one with --rundir")?
                .join(name),
        };
        Ok(Place { name, folder })
    }

    /// The arguments that run this program in the background, with the same options.
    pub(super) fn detached(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |option: &str, value: OsString| arguments.extend([option.into(), value]);
        if let Some(config) = &self.config {
            add("--config", config.into());
        }
        for set in &self.set {
            add("--set", set.into());
        }
        if let Some(rundir) = &self.rundir {
            add("--rundir", rundir.into());
        }
        if let Some(admin) = &self.admin {
            add("--admin", admin.to_string().into());
        }
        arguments.extend(["run".into(), "--detached".into()]);
        arguments
    }
}
