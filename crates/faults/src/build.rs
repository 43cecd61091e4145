//! The build of the programs under test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use service::Error;
use tokio::process::Command;

use crate::services::SERVICES;

/// Builds the services' programs as `cargo test --workspace` does, since the test of this crate alone does not; returns
/// their folder.
pub(crate) async fn build_all() -> Result<PathBuf, Error> {
    let mut cargo = testkit::cargo();
    cargo.args(["test", "--workspace", "--no-run", "--quiet", "--manifest-path"]).arg(root().join("Cargo.toml"));
    cargo_succeeds(cargo).await.context("failed to build the services' programs")?;
    Ok(testkit::programs())
}

/// Builds the programs of all services from these sources into this target folder, which begins with the dependencies that
/// `cargo test --workspace` has built.
pub(crate) async fn build_services(sources: &Path, target: &Path) -> Result<(), Error> {
    if !target.exists() {
        let built = testkit::programs();
        for part in [".fingerprint", "build", "deps"] {
            share(&built.join(part), &target.join("debug").join(part)).context("failed to share what is built")?;
        }
    }
    let mut cargo = testkit::cargo();
    cargo.current_dir(sources).args(["build", "--quiet", "--workspace", "--target-dir"]).arg(target);
    cargo.args(SERVICES.iter().flat_map(|service| ["--bin", service.name]));
    // With an example, cargo chooses the features that it chooses for tests; otherwise it builds the dependencies again.
    cargo.args(["--example", "stubborn"]);
    cargo_succeeds(cargo).await
}

/// Makes a folder with the same files: links, which take no space, or copies, where the folder is on another file system.
/// Cargo replaces files, and never writes into one.
fn share(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            share(&entry.path(), &to)?;
        } else if fs::hard_link(entry.path(), &to).is_err() {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Runs cargo; its stderr is part of the error.
async fn cargo_succeeds(cargo: std::process::Command) -> Result<(), Error> {
    let mut cargo = Command::from(cargo);
    let output = cargo.kill_on_drop(true).output().await.context("failed to run cargo")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{:?}: {}\n{stderr}", cargo.as_std(), output.status);
    Ok(())
}

/// The root folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
