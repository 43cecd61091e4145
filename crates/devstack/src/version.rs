//! The version of a server's binary.

use std::path::Path;

use anyhow::{Context, bail};
use service::Error;
use tokio::process::Command;

/// The major and minor version that a binary prints with `--version`.
///
/// # Errors
///
/// When the binary can't be started or fails, or its output contains no version.
pub(crate) async fn version_of(binary: &Path) -> Result<(u64, u64), Error> {
    let output = Command::new(binary).arg("--version").output().await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("--version: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    parse(&printed).with_context(|| format!("no version in {:?}", printed.trim()))
}

/// The first `1.2` or `v1.2.3` among the words: "nats-server: v2.15.1", "db version v6.0.5".
fn parse(printed: &str) -> Option<(u64, u64)> {
    printed.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn both_servers_versions_are_understood() {
        assert_eq!(parse("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse("db version v6.0.5\nBuild Info: {"), Some((6, 0)));
        assert_eq!(parse("nats-server: version unknown"), None);
    }
}
