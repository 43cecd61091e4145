//! The place where copies of the sources are built.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, anyhow, bail, ensure};
use service::Error;
use tokio::process::Command;

use crate::bug::{PATCHES, Test};
use crate::cargo::cargo;
use crate::checked::Checked;
use crate::checkout::checkout;
use crate::copy::synchronise;

/// Builds copies of the sources, one after the other in one folder below `target`.
///
/// A copy has the tests of chosen crates only: cargo selects tests by the name of their file, which is `it` for all, and
/// would otherwise build those of every crate. (With `--package` instead of `--workspace`, it would build most dependencies
/// again, with fewer features.)
#[derive(Debug)]
pub struct Workbench {
    folder: PathBuf,
    /// One process uses the folder at a time.
    _lock: File,
}

impl Workbench {
    /// The workbench of this checkout.
    ///
    /// # Errors
    ///
    /// When another process uses it, or the folder can't be written.
    pub fn open() -> Result<Self, Error> {
        let folder = checkout()?.join("target/seeded-bugs");
        let failed = || format!("failed to create {}", folder.display());
        fs::create_dir_all(&folder).with_context(failed)?;
        let lock = File::create(folder.join("lock")).with_context(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another exercise is being checked in this checkout: wait for its end")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("failed to lock {}", folder.display()))
            }
        }
    }

    /// The folder of the copy.
    pub fn sources(&self) -> PathBuf {
        self.folder.join("sources")
    }

    /// The folder of the programs that were built.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("target/debug")
    }

    /// Makes the copy equal to the sources in `from`, with the tests of these crates only.
    ///
    /// # Errors
    ///
    /// When a file can't be read or written.
    pub fn lay_out(&self, from: &Path, tested: &[&str]) -> Result<(), Error> {
        let is_left_out = |path: &Path| {
            let is_of = |name: &&str| path == Path::new("crates").join(name).join(TESTS);
            path == Path::new(PATCHES) || (path.ends_with(TESTS) && !tested.iter().any(is_of))
        };
        synchronise(from, &self.sources(), &is_left_out)
    }

    /// Builds programs and tests of the copy: runs `cargo build --workspace` with these arguments.
    ///
    /// # Errors
    ///
    /// With what cargo printed, when the copy does not compile.
    pub async fn build(&self, arguments: &[&str]) -> Result<(), Error> {
        let mut build = self.cargo("build")?;
        let output = build.arg("--quiet").args(arguments).output().await.context(NO_CARGO)?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{:?}: {}\n{stderr}", build.as_std(), output.status);
        Ok(())
    }

    /// Builds a test of the copy and runs it. Cargo prints its progress, and what does not compile.
    ///
    /// # Errors
    ///
    /// When there is no such test.
    pub async fn check(&self, test: &Test) -> Result<Checked, Error> {
        let mut build = self.cargo("test")?;
        let built = build.args(["--test", "it", "--no-run"]).stdout(Stdio::null()).status().await.context(NO_CARGO)?;
        match built.code() {
            Some(0) => {}
            Some(_) => return Ok(Checked::DoesNotCompile),
            None => bail!("cargo was ended before the test was built ({built}): check again"),
        }
        let mut run = self.cargo("test")?;
        run.args(["--test", "it", "--quiet", "--", "--exact", &test.name]).env("RUST_BACKTRACE", "0");
        let output = run.output().await.context(NO_CARGO)?;
        Checked::of(test, output.status.success(), &String::from_utf8_lossy(&output.stdout))
    }

    /// Cargo, for the whole copy. Its dependencies begin as those that this program was built with.
    fn cargo(&self, command: &str) -> Result<Command, Error> {
        let target = self.folder.join("target");
        if !target.exists() {
            self.share_dependencies().context("failed to share what is built")?;
        }
        let mut cargo = Command::from(cargo());
        cargo.kill_on_drop(true).current_dir(self.sources()).stdin(Stdio::null());
        cargo.args([command, "--workspace", "--target-dir"]).arg(target);
        Ok(cargo)
    }

    fn share_dependencies(&self) -> Result<(), Error> {
        let program = std::env::current_exe()?;
        let is_target = |folder: &&Path| folder.join(".fingerprint").exists();
        let built = program.ancestors().find(is_target).ok_or_else(|| anyhow!("{} is not built", program.display()))?;
        for part in [".fingerprint", "build", "deps"] {
            share(&built.join(part), &self.programs().join(part))?;
        }
        Ok(())
    }
}

/// The tests of a crate. (Files beside this one may be part of another crate's tests.)
const TESTS: &str = "tests/it/main.rs";

/// What to do when cargo can't be run.
const NO_CARGO: &str = "failed to run cargo: install Rust from https://rustup.rs, and open a new terminal";

/// Makes a folder with the same files: links, which take no space, or copies, where the folder is on another file system.
///
/// What cargo and rustc note of a build, they write into the files that are there, so those are copied: this build would
/// otherwise tell the other one that it is up to date. A copy has the time of its original, by which cargo sees what is newer.
fn share(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            share(&entry.path(), &to)?;
        } else if is_note(&entry.path()) || fs::hard_link(entry.path(), &to).is_err() {
            fs::copy(entry.path(), &to)?;
            File::options().write(true).open(&to)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

/// Whether this is a file in which cargo or rustc notes what was built, and not what was built.
fn is_note(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == ".fingerprint") || file.extension().is_some_and(|is| is == "d")
}
