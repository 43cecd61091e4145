//! The build of the programs under test.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use service::Error;
use tokio::process::Command;

/// Builds the services' programs as `cargo test --workspace` does, since the test of this crate alone does not; returns
/// their folder.
pub(crate) async fn build_all() -> Result<PathBuf, Error> {
    let mut cargo = Command::from(exercises::cargo());
    cargo.args(["test", "--workspace", "--no-run", "--quiet", "--manifest-path"]).arg(root().join("Cargo.toml"));
    let output = cargo.kill_on_drop(true).output().await.context("failed to run cargo")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "failed to build the services' programs: {}\n{stderr}", output.status);
    Ok(testkit::programs())
}

/// The root folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
