//! A seeded bug: a patch that adds a known bug to the sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use service::Error;

use crate::invariant::Invariant;

/// The folder of the patches, below the crate's folder.
const FOLDER: &str = "seeded-bugs";

/// A patch with a header: a sentence that says what the bug is, and `Found by:` with the name of an invariant.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    /// Name of the file, without its extension.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) found_by: Invariant,
    /// The files that it changes, relative to the root folder.
    pub(super) touches: Vec<String>,
}

impl Patch {
    /// All patches, by name.
    ///
    /// # Errors
    ///
    /// When a file can't be read or its header is invalid.
    pub(super) fn all() -> Result<Vec<Self>, Error> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let entries = fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        let files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Error>>()?;
        let files = files.into_iter().filter(|file| file.extension().is_some_and(|is| is == "patch"));
        let mut patches = files.map(Self::read).collect::<Result<Vec<_>, Error>>()?;
        patches.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(patches)
    }

    fn read(file: PathBuf) -> Result<Self, Error> {
        let text = fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let found_by = text.lines().find_map(|line| line.strip_prefix("Found by: "));
        let Some(found_by) = found_by.and_then(Invariant::named) else {
            let names = Invariant::ALL.map(Invariant::name).join(", ");
            bail!("{}: expected a line `Found by: INVARIANT`, one of {names}", file.display());
        };
        let touches: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(|path| path.trim().to_owned()).collect();
        ensure!(!touches.is_empty(), "{}: no line begins with `+++ b/`", file.display());
        Ok(Self { name, file, found_by, touches })
    }

    /// Runs `git apply` on the sources in this folder.
    ///
    /// # Errors
    ///
    /// With what git printed, when the patch does not apply.
    pub(super) fn apply(&self, sources: &Path, options: &[&str]) -> Result<(), Error> {
        let mut git = Command::new("git");
        // A copy of the sources lies inside the repository, and is not part of it.
        git.current_dir(sources).env("GIT_CEILING_DIRECTORIES", sources.parent().unwrap_or(sources));
        let output = git.arg("apply").args(options).arg(&self.file).output().context("failed to run git apply")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: the patch does not apply:\n{}", self.name, stderr.trim_end());
        Ok(())
    }
}
