//! Which seeded bugs to run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use service::Error;

use super::patch::Patch;
use crate::options::SeededBugs;

/// The error for a name that no seeded bug has.
#[derive(Debug, thiserror::Error)]
#[error("no seeded bug is named {name}; there are {known}, all and changed")]
pub(crate) struct UnknownBug {
    name: String,
    known: String,
}

/// The selected patches.
///
/// # Errors
///
/// [`UnknownBug`] when no patch has the name; when git can't name the last commit's files.
pub(super) fn select(which: &SeededBugs, root: &Path) -> Result<Vec<Patch>, Error> {
    let all = Patch::all()?;
    match which {
        SeededBugs::All => Ok(all),
        SeededBugs::Named(name) => match all.iter().find(|patch| patch.name == *name) {
            Some(patch) => Ok(vec![patch.clone()]),
            None => {
                let names: Vec<_> = all.iter().map(|patch| patch.name.as_str()).collect();
                Err(UnknownBug { name: name.clone(), known: names.join(", ") }.into())
            }
        },
        SeededBugs::Changed => {
            let changed = git(root, &["show", "--first-parent", "-m", "--name-only", "--format=", "HEAD"])?;
            let changed: Vec<_> = changed.lines().collect();
            let rotation = in_rotation(&git(root, &["rev-parse", "HEAD"])?, all.len())?;
            let patches = all.into_iter().enumerate();
            let selected = patches.filter(|(index, patch)| *index == rotation || patch.is_changed(&changed));
            Ok(selected.map(|(_, patch)| patch).collect())
        }
    }
}

impl Patch {
    /// Whether one of these files is the patch itself or one that it touches.
    fn is_changed(&self, changed: &[&str]) -> bool {
        let is_patch = |path: &str| Path::new(path).file_name() == self.file.file_name();
        changed.iter().any(|path| is_patch(path) || self.touches.iter().any(|touched| touched == path))
    }
}

/// The index that the hash of a commit chooses.
fn in_rotation(hash: &str, count: usize) -> Result<usize, Error> {
    let start = hash.get(..8).with_context(|| format!("{hash:?} is not the hash of a commit"))?;
    let number = usize::try_from(u32::from_str_radix(start, 16)?)?;
    number.checked_rem(count).context("there are no seeded bugs")
}

fn git(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new("git").current_dir(root).args(arguments).output().context("failed to run git")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), stderr.trim_end());
    Ok(String::from_utf8(output.stdout)?)
}
