//! The options that a program is started with, and that a restart uses again.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{PathBuf, absolute};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::settings::Sources;

/// The options that a program is started with. They are never printed: `--set` may set a secret.
#[derive(Clone, Args, Serialize, Deserialize)]
pub(super) struct Options {
    /// Read the settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one setting, over file and environment; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Serve /livez, /readyz, /services, /config, /metrics and /-/reload on this address; without it, only the commands
    /// below can query them
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(super) admin: Option<SocketAddr>,
}

impl Options {
    /// How often each of them is given.
    pub(super) fn numbers(&self) -> [(&'static str, usize); 3] {
        [
            ("--config", usize::from(self.config.is_some())),
            ("--set", self.set.len()),
            ("--admin", usize::from(self.admin.is_some())),
        ]
    }

    /// The same options, for whoever runs in another folder.
    pub(super) fn anywhere(mut self) -> Result<Self, Error> {
        self.config = self.config.map(absolute).transpose()?;
        Ok(self)
    }

    /// These options over those that a program runs with: a file or an address replaces its own, a setting is added to
    /// its own.
    pub(super) fn over(self, running: Self) -> Self {
        let key = |set: &String| set.split('=').next().map(str::to_owned);
        let kept = running.set.into_iter().filter(|set| !self.set.iter().any(|own| key(own) == key(set)));
        let set = kept.chain(self.set.iter().cloned()).collect();
        Self { config: self.config.or(running.config), set, admin: self.admin.or(running.admin) }
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

    /// The arguments of a command line with these options.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |option: &str, value: OsString| arguments.extend([option.into(), value]);
        if let Some(config) = &self.config {
            add("--config", config.into());
        }
        for set in &self.set {
            add("--set", set.into());
        }
        if let Some(admin) = &self.admin {
            add("--admin", admin.to_string().into());
        }
        arguments
    }
}
