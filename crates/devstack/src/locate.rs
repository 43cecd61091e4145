//! Finding a server: the named binary, the `PATH`, the cache, else the package index.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use service::Error;
use tokio::process::Command;

use crate::{Tool, install};

/// Where to look for a server, and where to put one that had to be fetched.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The binary to use and no other, when the tool's environment variable names one.
    pub named: Option<PathBuf>,
    /// The folders to search, as in the environment variable `PATH`.
    pub path: OsString,
    /// The folder that keeps what was fetched.
    pub cache: PathBuf,
    /// The Python that fetches.
    pub python: PathBuf,
}

impl Sources {
    /// What this process's environment says: the tool's own variable, `PATH`, and the user's cache folder.
    ///
    /// # Errors
    ///
    /// When the user has no home and so no cache folder.
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]
    pub fn from_env(tool: &Tool) -> Result<Self, Error> {
        let cache = dirs::cache_dir().context("no cache folder: set HOME or XDG_CACHE_HOME to a folder of yours")?;
        Ok(Self {
            named: env::var_os(tool.variable).map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            cache: cache.join("ticketing"),
            python: "python3".into(),
        })
    }

    /// The first executable of this name on the path.
    fn on_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

/// The binary of a server that is new enough, fetched first if need be.
///
/// Says on stderr what it fetches, from where, and how far it is. A first fetch takes some seconds.
///
/// # Errors
///
/// When the named binary is missing, does not run, or is too old; when nothing is there and nothing can be fetched
/// (unsupported system, no Python, no network, wrong checksum). The message says what to do.
pub async fn find(tool: &Tool, sources: &Sources) -> Result<PathBuf, Error> {
    if let Some(named) = &sources.named {
        let version = version_of(named)
            .await
            .with_context(|| format!("{} names {}, which does not run", tool.variable, named.display()))?;
        if version < tool.oldest {
            bail!("{} names {}, which is too old ({}): {}", tool.variable, named.display(), text(version), tool.mend());
        }
        return Ok(named.clone());
    }
    if let Some(found) = sources.on_path(tool.name) {
        match version_of(&found).await {
            Ok(version) if version >= tool.oldest => return Ok(found),
            Ok(version) => install::say(&format!(
                "{} is version {}, older than {}: not used",
                found.display(),
                text(version),
                text(tool.oldest)
            )),
            Err(error) => install::say(&format!("{} does not run ({error:#}): not used", found.display())),
        }
    }
    let cached = sources.cache.join(tool.folder()).join(tool.name);
    if cached.is_file() {
        return Ok(cached);
    }
    install::install(tool, sources).await?;
    Ok(cached)
}

fn text((major, minor): (u64, u64)) -> String {
    format!("{major}.{minor}")
}

/// The major and minor version that a server says it is.
pub(crate) async fn version_of(binary: &Path) -> Result<(u64, u64), Error> {
    let output = Command::new(binary).arg("--version").output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("--version: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    parse_version(&said).with_context(|| format!("no version in {:?}", said.trim()))
}

/// The first `1.2` or `v1.2.3` among the words: "nats-server: v2.15.1", "db version v6.0.5".
fn parse_version(said: &str) -> Option<(u64, u64)> {
    said.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn both_servers_versions_are_understood() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("db version v6.0.5\nBuild Info: {"), Some((6, 0)));
        assert_eq!(parse_version("nats-server: version unknown"), None);
    }
}
